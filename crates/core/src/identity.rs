//! Names of flows: Community ID v1 and the uid.

use base64::prelude::{Engine, BASE64_STANDARD_NO_PAD};
use sha1::{Digest, Sha1};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use crate::decode::Endpoints;
use crate::flow::Flow;

/// Characters of a uid after its leading letter; 62^17 values make a chance collision in a
/// capture of a billion flows less likely than one in a trillion.
const UID_CHARACTERS: usize = 17;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Community ID v1 with seed 0 (github.com/corelight/community-id-spec).
///
/// ICMP endpoints carry the type and its counterpart in place of ports, as the specification
/// says; messages without a counterpart are one-way and keep their direction.
#[must_use]
pub fn community_id(endpoints: &Endpoints) -> String {
    let length = if endpoints.is_v6 { 16 } else { 4 };
    let source = (&endpoints.src[..length], endpoints.sport);
    let destination = (&endpoints.dst[..length], endpoints.dport);
    let (low, high) = if endpoints.is_one_way || source <= destination {
        (source, destination)
    } else {
        (destination, source)
    };
    let mut input = [0_u8; 40];
    // The two bytes of the seed stay 0; so does the padding after the protocol.
    let at = 2 + 2 * length;
    input[2..2 + length].copy_from_slice(low.0);
    input[2 + length..at].copy_from_slice(high.0);
    input[at] = endpoints.proto;
    input[at + 2..at + 4].copy_from_slice(&low.1.to_be_bytes());
    input[at + 4..at + 6].copy_from_slice(&high.1.to_be_bytes());
    let digest = Sha1::digest(&input[..at + 6]);
    let mut text = String::with_capacity(30);
    text.push_str("1:");
    BASE64_STANDARD_NO_PAD.encode_string(digest, &mut text);
    text.push('=');
    text
}

/// Identifier of a flow: the same packets in the same place of the same capture give the same.
#[must_use]
pub fn uid(flow: &Flow) -> String {
    let endpoints = &flow.endpoints;
    let mut hasher = SipHasher13::new();
    hasher.write(&endpoints.src);
    hasher.write(&endpoints.dst);
    hasher.write_u16(endpoints.sport);
    hasher.write_u16(endpoints.dport);
    hasher.write_u8(endpoints.proto);
    hasher.write_u16(endpoints.vlan[0]);
    hasher.write_u16(endpoints.vlan[1]);
    hasher.write_i64(flow.ts_first_ns);
    hasher.write_u64(flow.first_packet.number);
    let hash = hasher.finish128();
    let mut text = String::with_capacity(1 + UID_CHARACTERS);
    text.push('C');
    let mut rest = [hash.h1, hash.h2];
    for at in 0..UID_CHARACTERS {
        let half = &mut rest[at & 1];
        text.push(char::from(BASE62[(*half % 62) as usize]));
        *half /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the baselines of the specification (`baseline/baseline_deflt.json`): one of each kind.
    #[test]
    fn community_ids_equal_the_published_baselines() {
        let v4 = |a: [u8; 4]| {
            let mut all = [0; 16];
            all[..4].copy_from_slice(&a);
            all
        };
        let tcp = Endpoints {
            src: v4([128, 232, 110, 120]),
            dst: v4([66, 35, 250, 204]),
            sport: 34855,
            dport: 80,
            proto: 6,
            is_v6: false,
            is_one_way: false,
            vlan: [0, 0],
        };
        assert_eq!(community_id(&tcp), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        let back = Endpoints { src: tcp.dst, dst: tcp.src, sport: 80, dport: 34855, ..tcp };
        assert_eq!(community_id(&back), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        let udp = Endpoints {
            src: v4([192, 168, 1, 52]),
            dst: v4([8, 8, 8, 8]),
            sport: 54585,
            dport: 53,
            proto: 17,
            ..tcp
        };
        assert_eq!(community_id(&udp), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
    }
}
