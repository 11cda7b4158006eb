//! Which origins a business line may call.

use reqwest::Url;

use super::request::{Refusal, URL_MAX};

/// A scheme, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// The text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin such as https://api.example.com or https://api.example.com:8443")]
pub struct BadOrigin(String);

impl Origin {
    pub(super) fn of(url: &Url) -> Option<Self> {
        let scheme = matches!(url.scheme(), "http" | "https").then(|| url.scheme().to_owned())?;
        Some(Self { scheme, host: bare_host(url)?, port: url.port_or_known_default()? })
    }

    /// The host in lower case, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also when the text leaves it out.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn bare_host(url: &Url) -> Option<String> {
    // A final dot names the same host and would slip past comparisons.
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_lowercase())
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { scheme, host, port } = self;
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

impl std::str::FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let bad = || BadOrigin(text.to_owned());
        let url = Url::parse(text).map_err(|_| bad())?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if bare { Self::of(&url).ok_or_else(bad) } else { Err(bad()) }
    }
}

/// A line's allow-list. `https` is the rule; an `http` origin counts only because it is written so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The origins, none by default.
    pub origins: Vec<Origin>,
}

impl Grant {
    /// Reads a list of origins.
    pub fn parse<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, BadOrigin> {
        Ok(Self { origins: origins.into_iter().map(str::parse).collect::<Result<_, _>>()? })
    }

    /// The parsed address, if its origin is granted.
    pub(super) fn check(&self, url: &str) -> Result<(Url, Origin), Refusal> {
        if url.len() > URL_MAX {
            return Err(Refusal::Url("longer than 4,096 bytes"));
        }
        let url = Url::parse(url).map_err(|_| Refusal::Url("not an absolute address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Url("it holds a user or a password"));
        }
        if url.fragment().is_some() {
            return Err(Refusal::Url("it holds a fragment"));
        }
        let origin = Origin::of(&url).ok_or(Refusal::Url("neither http nor https"))?;
        if self.origins.contains(&origin) { Ok((url, origin)) } else { Err(Refusal::NotGranted(origin.to_string())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant::parse(["https://api.example.com", "http://dev.example.com:8080", "https://[2001:db8::1]"]).unwrap()
    }

    #[test]
    fn scheme_host_and_port_must_all_agree() {
        let granted = [
            "https://api.example.com/v1?q=1",
            "https://API.example.com:443/",
            "http://dev.example.com:8080/x",
            "https://[2001:db8::1]/",
        ];
        for url in granted {
            assert!(grant().check(url).is_ok(), "{url}");
        }
        let others = [
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://api.example.com.evil.test/",
            "https://evil.test/https://api.example.com",
            "https://evil.test\\@api.example.com/",
            "http://dev.example.com/",
        ];
        for url in others {
            assert!(matches!(grant().check(url), Err(Refusal::NotGranted(_))), "{url}");
        }
        for url in ["/v1", "ftp://api.example.com/", "https://user@api.example.com/", "https://api.example.com/#f"] {
            assert!(matches!(grant().check(url), Err(Refusal::Url(_))), "{url}");
        }
    }

    #[test]
    fn an_origin_is_nothing_more() {
        for text in
            ["api.example.com", "https://api.example.com/v1", "https://api.example.com?x", "ftp://x", "https://u@x"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
        assert_eq!("https://x.test".parse::<Origin>().unwrap().to_string(), "https://x.test:443");
    }
}
