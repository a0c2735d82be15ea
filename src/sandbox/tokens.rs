//! The token endpoint's decisions: who gets an access token, and what a token that comes back is worth.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::random::fresh_id;

/// The path of the token endpoint.
pub(super) const TOKEN: &str = "/oauth/token";

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Whom the token endpoint knows, and what it grants.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    pub client_id: String,
    pub client_secret: String,
    /// The RSA public key (PKCS#1 DER) that assertions must be signed with; without one, signatures are not checked.
    pub assertion_key: Option<Vec<u8>>,
    pub scopes: Vec<String>,
    /// The one API identifier; without one, whatever ends in `/api/v2/`.
    pub audience: Option<String>,
    /// Whether the application may use the API at all.
    pub granted: bool,
    pub lifetime: Duration,
}

/// The tokens that were issued.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    issued: HashMap<String, Issued>,
    /// What the application was granted since the start, in place of what it had then.
    granted: Option<Vec<String>>,
}

#[derive(Debug)]
struct Issued {
    scopes: Vec<String>,
    expires: Duration,
}

impl Tokens {
    /// Answers a token request. `url` is the sandbox's own address, which an assertion has to be for.
    ///
    /// # Errors
    /// A refusal in the token endpoint's shape.
    pub(super) fn issue(
        &mut self,
        authority: &Authority,
        request: &Map<String, Value>,
        url: &str,
    ) -> Result<Value, Refusal> {
        let text = |name: &str| {
            let value = request.get(name).and_then(Value::as_str);
            value.filter(|value| !value.is_empty())
        };
        match text("grant_type") {
            None => {
                return Err(Refusal::token(
                    400,
                    "invalid_request",
                    "Missing required parameter: grant_type",
                ));
            }
            Some("client_credentials") => {}
            Some(other) => {
                return Err(Refusal::token(
                    400,
                    "unsupported_grant_type",
                    &format!("Unsupported grant type: {other}"),
                ));
            }
        }
        let known = match text("client_assertion") {
            Some(assertion) => {
                text("client_assertion_type") == Some(ASSERTION_TYPE)
                    && text("client_id").is_none_or(|id| id == authority.client_id)
                    && authority.trusts(assertion, url)
            }
            None => {
                text("client_id") == Some(authority.client_id.as_str())
                    && text("client_secret") == Some(authority.client_secret.as_str())
            }
        };
        if !known {
            return Err(Refusal::token(401, "access_denied", "Unauthorized"));
        }
        let granted = self.granted.as_ref().unwrap_or(&authority.scopes);
        let scopes = authority.grant(text("audience"), text("scope"), granted)?;
        let token = fresh_id().ok_or_else(|| {
            Refusal::token(
                500,
                "server_error",
                "the system has no source of randomness",
            )
        })?;
        let answer = json!({
            "access_token": token,
            "scope": scopes.join(" "),
            "expires_in": authority.lifetime.as_secs(),
            "token_type": "Bearer"
        });
        let now = now();
        self.issued
            .retain(|_, issued| issued.expires + Duration::from_secs(3_600) > now);
        self.issued.insert(
            token,
            Issued {
                scopes,
                expires: now + authority.lifetime,
            },
        );
        Ok(answer)
    }

    /// Checks the `authorization` header of a request that needs any of those scopes.
    ///
    /// # Errors
    /// 401 or 403 `insufficient_scope`.
    pub(super) fn check(&self, header: Option<&str>, any_of: &[String]) -> Result<(), Refusal> {
        let Some((scheme, token)) = header.and_then(|header| header.split_once(' ')) else {
            return Err(Refusal::unauthorized("Missing authentication"));
        };
        let issued = self
            .issued
            .get(token.trim())
            .filter(|_| scheme.eq_ignore_ascii_case("bearer"))
            .ok_or_else(|| Refusal::unauthorized("Invalid token"))?;
        if issued.expires <= now() {
            return Err(Refusal::unauthorized(
                "Expired token received for JSON Web Token validation",
            ));
        }
        if any_of
            .iter()
            .any(|scope| issued.scopes.iter().any(|has| has == scope))
        {
            return Ok(());
        }
        Err(Refusal::api(
            403,
            &format!("Insufficient scope, expected any of: {}", any_of.join(",")),
            "insufficient_scope",
        ))
    }

    /// What tokens may do that are issued from now on.
    pub(super) fn grant(&mut self, scopes: &[&str]) {
        self.granted = Some(scopes.iter().map(|&scope| scope.to_owned()).collect());
    }

    /// Forgets every token.
    pub(super) fn revoke(&mut self) {
        self.issued.clear();
    }
}

impl Authority {
    fn grant(
        &self,
        audience: Option<&str>,
        scope: Option<&str>,
        granted: &[String],
    ) -> Result<Vec<String>, Refusal> {
        let denied = |description: &str| Err(Refusal::token(403, "access_denied", description));
        let Some(audience) = audience else {
            return denied(
                "No audience parameter was provided, and no default audience has been configured",
            );
        };
        let exists = match &self.audience {
            Some(known) => known == audience,
            None => audience.ends_with("/api/v2/"),
        };
        if !exists {
            return denied(&format!("Service not found: {audience}"));
        }
        if !self.granted {
            return denied(&format!(
                "Client is not authorized to access \"{audience}\". You need to create a \"client-grant\" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
            ));
        }
        let Some(scope) = scope else {
            return Ok(granted.to_vec());
        };
        let asked: Vec<String> = scope.split_whitespace().map(str::to_owned).collect();
        let missing: Vec<&str> = asked
            .iter()
            .filter(|scope| !granted.contains(scope))
            .map(String::as_str)
            .collect();
        if missing.is_empty() {
            return Ok(asked);
        }
        denied(&format!(
            "Client has not been granted scopes: {}",
            missing.join(", ")
        ))
    }

    /// Whether a private-key JWT is one of this application's, for this tenant, and still good.
    fn trusts(&self, assertion: &str, url: &str) -> bool {
        let mut parts = assertion.splitn(3, '.');
        let (Some(head), Some(claims), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let (Some(header), Some(body)) = (json_part(head), json_part(claims)) else {
            return false;
        };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else {
            return false;
        };
        let algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !["RS256", "RS384", "PS256"].contains(&algorithm) || signature.is_empty() {
            return false;
        }
        if let Some(key) = &self.assertion_key {
            // Only the default algorithm is verified; a test that registers a key signs with that.
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
            let signed = format!("{head}.{claims}");
            if algorithm != "RS256" || key.verify(signed.as_bytes(), &signature).is_err() {
                return false;
            }
        }
        let own = |claim: &str| body.get(claim).and_then(Value::as_str) == Some(&self.client_id);
        let for_us = |audience: &Value| {
            audience.as_str().is_some_and(|audience| {
                let audience = audience.strip_suffix("/oauth/token").unwrap_or(audience);
                audience.trim_end_matches('/') == url
            })
        };
        let audience = match body.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(for_us),
            Some(audience) => for_us(audience),
            None => false,
        };
        let expires = body.get("exp").and_then(Value::as_u64).unwrap_or(0);
        own("iss") && own("sub") && audience && expires > now().as_secs()
    }
}

fn json_part(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The time since the Unix epoch.
pub(super) fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        Authority {
            client_id: "me".to_owned(),
            client_secret: "s".to_owned(),
            assertion_key: None,
            scopes: vec!["read:clients".to_owned(), "update:clients".to_owned()],
            audience: None,
            granted: true,
            lifetime: Duration::from_secs(60),
        }
    }

    fn ask(authority: &Authority, fields: Value) -> Result<Value, Refusal> {
        let mut request = json!({
            "grant_type": "client_credentials", "client_id": "me", "client_secret": "s",
            "audience": "https://acme.eu.auth0.com/api/v2/"
        });
        for (name, value) in fields.as_object().unwrap() {
            request[name] = value.clone();
        }
        Tokens::default().issue(
            authority,
            request.as_object().unwrap(),
            "http://127.0.0.1:1",
        )
    }

    #[test]
    fn refusals_in_the_endpoint_s_words() {
        let other = Authority {
            audience: Some("urn:one".to_owned()),
            ..authority()
        };
        let ungranted = Authority {
            granted: false,
            ..authority()
        };
        let refusals: Vec<String> = [
            (authority(), json!({"client_secret": "wrong"})),
            (authority(), json!({"client_id": "else"})),
            (authority(), json!({"grant_type": "password"})),
            (authority(), json!({"grant_type": null})),
            (authority(), json!({"audience": null})),
            (authority(), json!({"audience": "urn:nobody"})),
            (other, json!({})),
            (ungranted, json!({})),
            (authority(), json!({"scope": "read:clients delete:clients"})),
        ]
        .into_iter()
        .map(|(authority, fields)| {
            let refusal = ask(&authority, fields).unwrap_err();
            format!("{} {}", refusal.status(), refusal.body())
        })
        .collect();
        insta::assert_snapshot!(refusals.join("\n"), @r#"
        401 {"error":"access_denied","error_description":"Unauthorized"}
        401 {"error":"access_denied","error_description":"Unauthorized"}
        400 {"error":"unsupported_grant_type","error_description":"Unsupported grant type: password"}
        400 {"error":"invalid_request","error_description":"Missing required parameter: grant_type"}
        403 {"error":"access_denied","error_description":"No audience parameter was provided, and no default audience has been configured"}
        403 {"error":"access_denied","error_description":"Service not found: urn:nobody"}
        403 {"error":"access_denied","error_description":"Service not found: https://acme.eu.auth0.com/api/v2/"}
        403 {"error":"access_denied","error_description":"Client is not authorized to access \"https://acme.eu.auth0.com/api/v2/\". You need to create a \"client-grant\" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"}
        403 {"error":"access_denied","error_description":"Client has not been granted scopes: delete:clients"}
        "#);
    }

    #[test]
    fn a_token_is_worth_its_scopes() {
        let mut tokens = Tokens::default();
        let request = json!({
            "grant_type": "client_credentials", "client_id": "me", "client_secret": "s",
            "audience": "x/api/v2/", "scope": "read:clients"
        });
        let answer = tokens
            .issue(&authority(), request.as_object().unwrap(), "")
            .unwrap();
        assert_eq!(answer["expires_in"], 60);
        assert_eq!(answer["scope"], "read:clients");
        let header = format!("Bearer {}", answer["access_token"].as_str().unwrap());
        let read = ["read:clients".to_owned()];
        assert_eq!(tokens.check(Some(&header), &read), Ok(()));
        let refusal = tokens
            .check(
                Some(&header),
                &["update:clients", "update:client_keys"].map(str::to_owned),
            )
            .unwrap_err();
        assert_eq!(refusal.status(), 403);
        assert_eq!(
            refusal.message(),
            "Insufficient scope, expected any of: update:clients,update:client_keys"
        );
        for bad in [None, Some("Bearer nonsense"), Some("Basic x")] {
            assert_eq!(tokens.check(bad, &read).unwrap_err().status(), 401);
        }
        tokens.revoke();
        assert!(tokens.check(Some(&header), &read).is_err());
    }

    #[test]
    fn an_assertion_has_to_be_ours_and_good() {
        let url = "http://127.0.0.1:1";
        let jwt = |claims: Value| {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(&claims))
        };
        let exp = now().as_secs() + 60;
        let good = json!({"iss": "me", "sub": "me", "aud": format!("{url}/"), "exp": exp});
        assert!(authority().trusts(&jwt(good.clone()), url));
        for (claim, value) in [
            ("iss", json!("you")),
            ("sub", json!(null)),
            ("aud", json!("https://else.example/")),
            ("exp", json!(1)),
        ] {
            let mut bad = good.clone();
            bad[claim] = value;
            assert!(!authority().trusts(&jwt(bad), url), "{claim}");
        }
        assert!(!authority().trusts("not.a.jwt", url));
        let keyed = Authority {
            assertion_key: Some(vec![1, 2, 3]),
            ..authority()
        };
        assert!(!keyed.trusts(&jwt(good), url));
    }

    /// An RSA public key (PKCS#1 DER), and an assertion signed with its private half, which nobody kept.
    const KEY: &str = "MIIBCgKCAQEAoMRyJ68HAsJ3rjo5OzSfk06ibZu9WhtI6hVMo-BUG3npEQ4O6yuXAtIG4_zV604ejNGlv_UExWWaDHtc2UHOc9e621srQ1-DouC4gItZn5wpNHfhU8XElUTm8N676RxrW_BBS13wIrrPwIkZdS1JrRGX4HEl965zNjZeVx4_0N6lBJ7Y6MAGyDajPqkhtSziVTsMRIdR9n07GFoVOgOAjpf3JhJBgY0k-X4BfwyU7PGBSaUK-l6mdHyAW0tMwoTU0nuAY_GzwhTQw8usX9c_f2N9UxlTR1kEXBRK2U4QMYQ9veDScQ0b1pJVigko9sApYlXtJifYG-ValRRNSBIFVwIDAQAB";
    const SIGNED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJtZSIsInN1YiI6Im1lIiwiYXVkIjoiaHR0cDovLzEyNy4wLjAuMToxLyIsImV4cCI6NDAwMDAwMDAwMH0.VqMQmjzgS2Jg8qifj4v029DfJowsuQvLf5-NzO0Np8W59pzoxUhWQtBpLu3dhdNNPoCtEEtTDwp9yt02gN7gkuVm5sAHQk4-mT8HOc5zZ6s4m3Po8DZ6NyQQUyepyol06sxVvS_O6Obw5Vhpu-WBaTOlEhdn7_7VDx0LJu_wBJYk464c-bMHAJ6RAxYB5vzpoHvoa8iq9EW1Fh688c0QZYK8AdYYnxYIvcmLNxqiepRPp3hVJM-hYFMkMAuwZojH6N2XjBIWpq_ksSzO6YYnFJlpHbjGw1hosuOKCO5UZYcmWAynKGIhdId2tFxpKtxAKmxy-_dVMvqfE9Z5VGLg1w";

    #[test]
    fn a_registered_key_has_to_have_signed() {
        let keyed = Authority {
            assertion_key: URL_SAFE_NO_PAD.decode(KEY).ok(),
            ..authority()
        };
        let url = "http://127.0.0.1:1";
        assert!(keyed.trusts(SIGNED, url));
        let (signed, _) = SIGNED.rsplit_once('.').unwrap();
        assert!(!keyed.trusts(&format!("{signed}.c2ln"), url));
        assert!(authority().trusts(&format!("{signed}.c2ln"), url));
    }
}
