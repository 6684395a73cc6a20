//! Which targets may be called. Whoever can write down a webhook must not reach the operator's own network with it, so
//! every address that is not plainly public is refused, unless the operator named it.

use crate::config::Config;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use url::{Host, Url};

/// What the operator allows beyond public addresses, and on which ports.
#[derive(Clone, Debug)]
pub struct Guard {
    allowed: Vec<Allowed>,
    ports: Vec<RangeInclusive<u16>>,
}

/// One thing the operator allows: `10.1.0.0/16`, `127.0.0.1:9000`, `[fd00::1]:9000`, `erp.local`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// Every address of a network. With a port it holds for targets written with an address, since a name is looked up
    /// before it is known which port will be called.
    Network { base: IpAddr, prefix: u8, port: Option<u16> },
    /// A name, whatever addresses it has.
    Host(String),
}

/// Why a target is not called.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the target is not a URL: {0}")]
    NotUrl(String),
    #[error("the target must begin with http:// or https://, not `{0}:`")]
    Scheme(String),
    #[error("the target must not hold a user name or password")]
    UserInfo,
    #[error("the target names no host")]
    NoHost,
    #[error("port {0} may not be called")]
    Port(u16),
    #[error("`{address}` is refused: {kind} addresses may not be called")]
    Address { address: IpAddr, kind: Kind },
    #[error("`{host}` is refused: it has only the address {address}, and {kind} addresses may not be called")]
    Name { host: String, address: IpAddr, kind: Kind },
    #[error("`{0}` has no address")]
    NoAddress(String),
}

/// What sort of address is not public.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Unspecified,
    Loopback,
    Private,
    LinkLocal,
    CarrierShared,
    Multicast,
    Documentation,
    Reserved,
    /// IPv4 inside IPv6, where the IPv4 address is of this sort.
    Tunnel,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Unspecified => "unspecified",
            Kind::Loopback => "loopback",
            Kind::Private => "private",
            Kind::LinkLocal => "link-local",
            Kind::CarrierShared => "carrier-shared",
            Kind::Multicast => "multicast",
            Kind::Documentation => "documentation",
            Kind::Reserved => "reserved",
            Kind::Tunnel => "tunnelled",
        })
    }
}

/// The web's ports and those any program may open; not mail, shells or name servers.
const USUAL_PORTS: [RangeInclusive<u16>; 3] = [80..=80, 443..=443, 1024..=u16::MAX];

impl Guard {
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self { allowed, ports: USUAL_PORTS.to_vec() }
    }

    /// As the operator has configured it.
    pub fn of(config: &Config) -> Self {
        let ports = config.target_ports.iter().map(|ports| ports.0.clone()).collect();
        Self::new(config.allow_private_targets.clone()).with_ports(ports)
    }

    /// Reads the operator's list: networks (`10.1.0.0/16`), addresses and host names.
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        list.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self::new)
    }

    /// Other ports than the usual ones.
    pub fn with_ports(self, ports: Vec<RangeInclusive<u16>>) -> Self {
        Self { ports, ..self }
    }

    /// This machine may call itself: for demonstrations and tests.
    pub fn with_loopback(mut self) -> Self {
        let networks = [(Ipv4Addr::new(127, 0, 0, 0).into(), 8), (Ipv6Addr::LOCALHOST.into(), 128)];
        self.allowed.extend(networks.map(|(base, prefix)| Allowed::Network { base, prefix, port: None }));
        self
    }

    /// Everything that the text of a target shows. Names are looked up, and checked again, when they are called.
    pub fn check_url(&self, target: &str) -> Result<Url, Refusal> {
        let url = Url::parse(target).map_err(|error| Refusal::NotUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if !self.ports.iter().any(|range| range.contains(&port)) {
            return Err(Refusal::Port(port));
        }
        match url.host() {
            None => return Err(Refusal::NoHost),
            Some(Host::Domain(_)) => {}
            Some(Host::Ipv4(address)) => self.check_literal(address.into(), port)?,
            Some(Host::Ipv6(address)) => self.check_literal(address.into(), port)?,
        }
        Ok(url)
    }

    fn check_literal(&self, address: IpAddr, port: u16) -> Result<(), Refusal> {
        match self.unfit(address, Some(port)) {
            None => Ok(()),
            Some(kind) => Err(Refusal::Address { address, kind }),
        }
    }

    /// Of the addresses a name has, those that may be called; at least one.
    pub fn keep_fit(
        &self,
        host: &str,
        found: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Refusal> {
        let named = self.allows_host(host);
        let mut fit = Vec::new();
        let mut refused = None;
        for socket in found {
            match self.unfit(socket.ip(), None) {
                Some(kind) if !named => refused = refused.or(Some((socket.ip(), kind))),
                Some(_) | None => fit.push(socket),
            }
        }
        match (fit.is_empty(), refused) {
            (false, _) => Ok(fit),
            (true, Some((address, kind))) => Err(Refusal::Name { host: host.to_owned(), address, kind }),
            (true, None) => Err(Refusal::NoAddress(host.to_owned())),
        }
    }

    fn allows_host(&self, host: &str) -> bool {
        let host = plain_name(host);
        self.allowed.iter().any(|allowed| matches!(allowed, Allowed::Host(name) if *name == host))
    }

    fn unfit(&self, address: IpAddr, called: Option<u16>) -> Option<Kind> {
        let address = address.to_canonical();
        let allowed = self.allowed.iter().any(|allowed| match allowed {
            Allowed::Network { base, prefix, port } => {
                (port.is_none() || *port == called) && within(address, *base, *prefix)
            }
            Allowed::Host(_) => false,
        });
        if allowed { None } else { kind_of(address) }
    }
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(socket) = text.parse::<SocketAddr>() {
            let base = socket.ip();
            return Ok(Allowed::Network { base, prefix: width(base), port: Some(socket.port()) });
        }
        if let Ok(base) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Allowed::Network { base, prefix: width(base), port: None });
        }
        if let Some((base, rest)) = text.split_once('/') {
            let wrong = || format!("`{text}` is not a network");
            let base: IpAddr = base.parse().map_err(|_| wrong())?;
            let (prefix, port) =
                rest.split_once(':').map_or((rest, None), |(prefix, port)| (prefix, Some(port)));
            let prefix = prefix.parse().ok().filter(|prefix| *prefix <= width(base)).ok_or_else(wrong)?;
            let port = port.map(str::parse).transpose().map_err(|_| wrong())?;
            return Ok(Allowed::Network { base, prefix, port });
        }
        match Host::parse(text) {
            Ok(Host::Domain(name)) => Ok(Allowed::Host(plain_name(&name))),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => {
                Err(format!("`{text}` is neither a network nor a host name"))
            }
        }
    }
}

fn plain_name(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn within(address: IpAddr, base: IpAddr, prefix: u8) -> bool {
    let host_bits = u32::from(width(base) - prefix);
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => {
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            u32::from(address) & mask == u32::from(base) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            u128::from(address) & mask == u128::from(base) & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// What sort of address it is, where it is not plainly public.
fn kind_of(address: IpAddr) -> Option<Kind> {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Option<Kind> {
    match address.octets() {
        [0, ..] => Some(Kind::Unspecified),
        [127, ..] => Some(Kind::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Kind::Private),
        [169, 254, ..] => Some(Kind::LinkLocal),
        [100, 64..=127, ..] => Some(Kind::CarrierShared),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Kind::Documentation),
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => Some(Kind::Reserved),
        [224..=239, ..] => Some(Kind::Multicast),
        [240..=255, ..] => Some(Kind::Reserved),
        _ => None,
    }
}

/// Of IPv6 only the global unicast range is public, less what was set apart in it.
fn kind_of_v6(address: Ipv6Addr) -> Option<Kind> {
    if address.is_unspecified() {
        return Some(Kind::Unspecified);
    }
    if address.is_loopback() {
        return Some(Kind::Loopback);
    }
    match address.segments() {
        // An IPv4 address within: translated, or carried to its own relay.
        [0, 0, 0, 0, 0, 0xffff, high, low] => kind_of_v4(v4(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => kind_of_v4(v4(high, low)).map(|_| Kind::Tunnel),
        [0x2002, high, low, ..] => kind_of_v4(v4(high, low)).map(|_| Kind::Tunnel),
        [0x2001, 0, ..] => Some(Kind::Tunnel),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Kind::Documentation),
        [0x2001, 0..=0x1ff, ..] => Some(Kind::Reserved),
        [0xfc00..=0xfdff, ..] => Some(Kind::Private),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        [0xfec0..=0xfeff, ..] => Some(Kind::Private),
        [0xff00..=0xffff, ..] => Some(Kind::Multicast),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Kind::Reserved),
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> Option<Kind> {
        let address: IpAddr = address.parse().unwrap_or_else(|_| panic!("{address} is no address"));
        Guard::new(Vec::new()).unfit(address, None)
    }

    #[test]
    fn addresses_that_are_not_public_are_named() {
        use Kind::{
            CarrierShared, Documentation, LinkLocal, Loopback, Multicast, Private, Reserved, Tunnel,
            Unspecified,
        };
        let cases = [
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("10.0.0.1", Private),
            ("10.255.255.255", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("169.254.169.254", LinkLocal),
            ("100.64.0.1", CarrierShared),
            ("100.127.255.255", CarrierShared),
            ("192.0.2.1", Documentation),
            ("198.51.100.7", Documentation),
            ("203.0.113.9", Documentation),
            ("192.0.0.1", Reserved),
            ("192.88.99.1", Reserved),
            ("198.18.0.1", Reserved),
            ("198.19.255.255", Reserved),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.1", Reserved),
            ("255.255.255.255", Reserved),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::127.0.0.1", Reserved),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:10.1.2.3", Private),
            ("::ffff:169.254.169.254", LinkLocal),
            ("64:ff9b::a00:1", Tunnel),
            ("64:ff9b::7f00:1", Tunnel),
            ("64:ff9b:1::1", Reserved),
            ("2002:a00:1::1", Tunnel),
            ("2002:c0a8:101::", Tunnel),
            ("2001::1", Tunnel),
            ("2001:10::1", Reserved),
            ("2001:db8::1", Documentation),
            ("3fff::1", Documentation),
            ("100::1", Reserved),
            ("5f00::1", Reserved),
            ("fc00::1", Private),
            ("fd12:3456::1", Private),
            ("fe80::1", LinkLocal),
            ("fec0::1", Private),
            ("ff02::1", Multicast),
        ];
        for (address, expected) in cases {
            assert_eq!(kind(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn public_addresses_pass() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2400:3200::1",
            "2606:4700:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    fn refusal(target: &str) -> String {
        match Guard::new(Vec::new()).check_url(target) {
            Ok(url) => format!("passes as {url}"),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn targets_are_read_as_a_browser_would() {
        let loopback = "`127.0.0.1` is refused: loopback addresses may not be called";
        for target in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://017700000001/",
            "http://127.0.0.1:8080/x",
            "http://１２７.0.0.1/",
        ] {
            assert_eq!(refusal(target), loopback, "{target}");
        }
        assert_eq!(
            refusal("https://[::ffff:10.0.0.1]/"),
            "`::ffff:10.0.0.1` is refused: private addresses may not be called"
        );
        assert_eq!(refusal("https://example.com/a?b=c"), "passes as https://example.com/a?b=c");
    }

    #[test]
    fn each_refusal_says_its_reason() {
        assert_eq!(
            refusal("ftp://example.com/"),
            "the target must begin with http:// or https://, not `ftp:`"
        );
        assert_eq!(
            refusal("file:///etc/passwd"),
            "the target must begin with http:// or https://, not `file:`"
        );
        assert_eq!(refusal("https://me@example.com/"), "the target must not hold a user name or password");
        assert_eq!(
            refusal("https://:secret@example.com/"),
            "the target must not hold a user name or password"
        );
        assert_eq!(refusal("https://example.com:22/"), "port 22 may not be called");
        assert_eq!(refusal("nonsense"), "the target is not a URL: relative URL without a base");
        assert_eq!(refusal("http://"), "the target is not a URL: empty host");
    }

    #[test]
    fn a_name_is_called_only_at_its_public_addresses() {
        let guard = Guard::new(Vec::new());
        let private: SocketAddr = ([10, 0, 0, 1], 0).into();
        let public: SocketAddr = ([1, 1, 1, 1], 0).into();
        assert_eq!(guard.keep_fit("a.example", [private, public]), Ok(vec![public]));
        assert_eq!(
            guard.keep_fit("a.example", [private]).map_err(|refusal| refusal.to_string()),
            Err(
                "`a.example` is refused: it has only the address 10.0.0.1, and private addresses may not be \
                 called"
                    .to_owned()
            )
        );
        assert_eq!(guard.keep_fit("a.example", []), Err(Refusal::NoAddress("a.example".to_owned())));
    }

    #[test]
    fn the_operator_allows_networks_addresses_and_names() {
        let guard = Guard::parse(["10.1.0.0/16", "192.168.7.7", "ERP.local.", "fd00::/8", "::1"]);
        let guard = guard.unwrap_or_else(|why| panic!("{why}"));
        for target in ["http://10.1.2.3/", "http://192.168.7.7/", "http://[fd12::1]/", "http://[::1]/"] {
            assert!(guard.check_url(target).is_ok(), "{target}");
        }
        for target in ["http://10.2.0.1/", "http://192.168.7.8/", "http://127.0.0.1/"] {
            assert!(guard.check_url(target).is_err(), "{target}");
        }
        let inside: SocketAddr = ([10, 9, 9, 9], 0).into();
        assert_eq!(guard.keep_fit("erp.LOCAL", [inside]), Ok(vec![inside]));
        assert!(guard.keep_fit("other.local", [inside]).is_err());
    }

    #[test]
    fn a_network_may_be_allowed_at_one_port() {
        let guard = Guard::parse(["127.0.0.1:9000", "10.0.0.0/8:8080", "[::1]:9000"]);
        let guard = guard.unwrap_or_else(|why| panic!("{why}"));
        for target in ["http://127.0.0.1:9000/", "http://10.3.2.1:8080/", "http://[::1]:9000/"] {
            assert!(guard.check_url(target).is_ok(), "{target}");
        }
        for target in ["http://127.0.0.1:9001/", "http://10.3.2.1/", "http://[::1]/"] {
            assert!(guard.check_url(target).is_err(), "{target}");
        }
        assert!(guard.keep_fit("localhost", [([127, 0, 0, 1], 0).into()]).is_err());
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused() {
        for text in ["10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/8:x", "a b", ""] {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
        assert!(Guard::parse(["0.0.0.0/0"]).is_ok_and(|all| all.check_url("http://127.0.0.1/").is_ok()));
    }

    #[test]
    fn ports_can_be_narrowed() {
        let guard = Guard::new(Vec::new()).with_ports(vec![443..=443]);
        assert!(guard.check_url("https://example.com/").is_ok());
        assert_eq!(guard.check_url("http://example.com/"), Err(Refusal::Port(80)));
    }
}
