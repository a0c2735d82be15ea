//! The server's thread: a runtime of its own, so that a sandbox works the same inside a command, an async test and a
//! blocking one.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use tokio::runtime;
use tokio::sync::oneshot;

use super::connection::{Cutter, Socket};
use super::routes;
use super::tenant::Tenant;
use super::{Sandbox, SandboxError};

/// Serves the tenant on that socket, on a thread of its own.
///
/// # Errors
/// There is no thread or runtime to be had.
pub(super) fn start(socket: TcpListener, tenant: Arc<Tenant>) -> Result<Sandbox, SandboxError> {
    let (stop, stopping) = oneshot::channel();
    let (report_stopped, stopped) = oneshot::channel();
    let (report_ready, ready) = std::sync::mpsc::channel();
    let serving = Arc::clone(&tenant);
    let thread = thread::Builder::new()
        .name("sandbox".to_owned())
        .spawn(move || {
            let result = serve(socket, serving, stopping, || {
                let _ = report_ready.send(Ok(()));
            });
            if let Err(error) = result {
                let _ = report_ready.send(Err(error));
            }
            let _ = report_stopped.send(());
        })
        .map_err(SandboxError::Start)?;
    match ready.recv() {
        Ok(Ok(())) => Ok(Sandbox {
            tenant,
            stop: Some(stop),
            stopped: Some(stopped),
            thread: Some(thread),
        }),
        Ok(Err(error)) => Err(SandboxError::Start(error)),
        Err(_) => Err(SandboxError::Start(io::Error::other("its thread ended"))),
    }
}

/// Serves until told to stop; then whatever is under way ends with the runtime.
fn serve(
    socket: TcpListener,
    tenant: Arc<Tenant>,
    stopping: oneshot::Receiver<()>,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        socket.set_nonblocking(true)?;
        let socket = Socket(
            tokio::net::TcpListener::from_std(socket)?,
            Arc::clone(&tenant),
        );
        let app = routes::router(tenant).into_make_service_with_connect_info::<Cutter>();
        ready();
        tokio::select! {
            result = axum::serve(socket, app) => result,
            _ = stopping => Ok(()),
        }
    })
}
