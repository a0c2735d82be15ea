//! The private-key JWT client assertion: a short-lived token, signed with the application's own key, that is sent to
//! the token endpoint instead of a client secret. Signs with ring; reads and sends nothing.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{self, RsaEncoding, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use serde_json::{Value, json};

/// The form field `client_assertion_type` that goes with an assertion to the token endpoint.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is good for. Auth0 takes at most five minutes; a request takes seconds, and clocks differ.
const LIFETIME: Duration = Duration::from_secs(120);

/// The signature algorithms that Auth0 accepts for client assertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    #[default]
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA-PSS with SHA-256.
    Ps256,
}

impl Algorithm {
    /// Every algorithm, the default first.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Rs384, Self::Ps256];

    /// The name in a JWT's header and in `AUTH0_CLIENT_SIGNING_ALGORITHM`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
        }
    }

    /// The algorithm of that name, in capitals as in a JWT.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Rs256 => &signature::RSA_PKCS1_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_SHA384,
            Self::Ps256 => &signature::RSA_PSS_SHA256,
        }
    }
}

/// An RSA private key and the algorithm it signs with. Debug shows the algorithm only.
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<RsaKeyPair>,
    algorithm: Algorithm,
}

impl SigningKey {
    /// Reads an unencrypted RSA key of 2048 to 4096 bits in PEM: PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`).
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        if pem.windows(9).any(|window| window == b"ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        // The parser's errors quote the text.
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NoKey)? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(KeyError::NotRsa),
        };
        let key = Arc::new(key.map_err(|error| KeyError::Rejected(error.to_string()))?);
        Ok(Self { key, algorithm })
    }

    /// Its public half, in DER.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.key.public().as_ref()
    }

    /// The algorithm it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("key", &"[redacted]")
            .field("algorithm", &self.algorithm)
            .finish()
    }
}

/// Why a file is no key to sign with. Holds nothing of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No private key in PEM was found.
    #[error("holds no private key in PEM format")]
    NoKey,
    /// The key is protected by a passphrase.
    #[error("holds an encrypted private key")]
    Encrypted,
    /// The key is of another kind, an elliptic curve's for example.
    #[error("holds a private key that is not an RSA key")]
    NotRsa,
    /// ring does not take the key, for the reason in its words.
    #[error("holds a private key that is not a usable RSA key of 2048 to 4096 bits ({0})")]
    Rejected(String),
}

/// Why an assertion could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// The system's clock is before 1970.
    #[error("the system's clock is before 1970, so a client assertion would be refused")]
    Clock,
    /// The system gave no random bytes, or the signature failed.
    #[error("the client assertion could not be signed")]
    Signing,
}

/// Makes an assertion that `client_id` owns `key`, good for two minutes from `now`. `audience` is the tenant's issuer,
/// `https://<domain>/` with the final slash.
/// Source: <https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt>.
pub fn assertion(
    key: &SigningKey,
    client_id: &str,
    audience: &str,
    now: SystemTime,
) -> Result<SecretString, AssertionError> {
    let random = SystemRandom::new();
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| AssertionError::Signing)?;
    let issued = now
        .duration_since(UNIX_EPOCH)
        .map_err(|_| AssertionError::Clock)?;

    let header = json!({ "alg": key.algorithm.name(), "typ": "JWT" });
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued.as_secs(),
        "exp": (issued + LIFETIME).as_secs(),
        "jti": URL_SAFE_NO_PAD.encode(id),
    });
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(&header), encode(&claims));

    let mut signature = vec![0; key.key.public().modulus_len()];
    key.key
        .sign(
            key.algorithm.encoding(),
            &random,
            message.as_bytes(),
            &mut signature,
        )
        .map_err(|_| AssertionError::Signing)?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

#[cfg(test)]
mod tests {
    use ring::signature::{
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256,
        RsaParameters, UnparsedPublicKey,
    };
    use secrecy::ExposeSecret;

    use super::*;

    const PEM: &[u8] = include_bytes!("../fixtures/settings/test-signing-key.pem");

    fn decode(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    /// The bytes of a DER element's content, for the short way from PKCS#8 to the PKCS#1 inside it.
    fn pkcs1_der() -> Vec<u8> {
        let der = PrivateKeyDer::from_pem_slice(PEM).unwrap();
        let der = der.secret_der();
        // SEQUENCE, version, algorithm, then OCTET STRING: 26 bytes of 2048-bit RSA's fixed prefix.
        der[26..].to_vec()
    }

    #[test]
    fn the_public_key_verifies_an_assertion() {
        let verifiers: [(Algorithm, &'static RsaParameters); 3] = [
            (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
            (Algorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
            (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
        ];
        let now = UNIX_EPOCH + Duration::from_secs(1_750_000_000);
        for (algorithm, verifier) in verifiers {
            let key = SigningKey::from_pem(PEM, algorithm).unwrap();
            let jwt = assertion(&key, "abc", "https://acme.eu.auth0.com/", now).unwrap();
            let jwt = jwt.expose_secret();

            let (message, signature) = jwt.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            UnparsedPublicKey::new(verifier, key.key.public())
                .verify(message.as_bytes(), &signature)
                .unwrap();

            let (header, claims) = message.split_once('.').unwrap();
            assert_eq!(
                decode(header),
                json!({ "alg": algorithm.name(), "typ": "JWT" })
            );
            let mut claims = decode(claims);
            let id = claims.as_object_mut().unwrap().shift_remove("jti").unwrap();
            assert_eq!(id.as_str().unwrap().len(), 22);
            assert_eq!(
                claims,
                json!({
                    "iss": "abc",
                    "sub": "abc",
                    "aud": "https://acme.eu.auth0.com/",
                    "iat": 1_750_000_000,
                    "exp": 1_750_000_120,
                })
            );
        }
    }

    #[test]
    fn no_two_assertions_are_the_same() {
        let key = SigningKey::from_pem(PEM, Algorithm::Rs256).unwrap();
        let make = || assertion(&key, "abc", "https://acme.eu.auth0.com/", UNIX_EPOCH).unwrap();
        assert_ne!(make().expose_secret(), make().expose_secret());
    }

    #[test]
    fn pkcs1_is_read_too() {
        let pem = pem("RSA PRIVATE KEY", &pkcs1_der());
        SigningKey::from_pem(pem.as_bytes(), Algorithm::Rs256).unwrap();
    }

    #[test]
    fn what_is_no_usable_key_is_named() {
        let error = |pem: &str| {
            SigningKey::from_pem(pem.as_bytes(), Algorithm::Rs256)
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(
            [
                error(""),
                error("-----BEGIN PRIVATE KEY-----\n???\n-----END PRIVATE KEY-----\n"),
                error("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----\n"),
                error(&pem("EC PRIVATE KEY", b"abc")),
                error(&pem("PRIVATE KEY", b"abc")),
            ]
            .join("\n"),
            @r"
        holds no private key in PEM format
        holds no private key in PEM format
        holds an encrypted private key
        holds a private key that is not an RSA key
        holds a private key that is not a usable RSA key of 2048 to 4096 bits (InvalidEncoding)
        "
        );
    }

    #[test]
    fn a_clock_before_1970_is_an_error() {
        let key = SigningKey::from_pem(PEM, Algorithm::Rs256).unwrap();
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(
            assertion(&key, "abc", "https://acme.eu.auth0.com/", before).unwrap_err(),
            AssertionError::Clock
        );
    }

    #[test]
    fn debug_shows_no_key() {
        let key = SigningKey::from_pem(PEM, Algorithm::Ps256).unwrap();
        assert_eq!(
            format!("{key:?}"),
            r#"SigningKey { key: "[redacted]", algorithm: Ps256 }"#
        );
    }
}
