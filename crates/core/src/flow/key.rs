//! The key of a flow: its endpoints without regard to who sends.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::decode::Endpoints;
use crate::limits::SHARDS;

/// Endpoints in an order that both directions share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    low: u128,
    high: u128,
    /// Ports, protocol, address family and VLAN, packed.
    rest: u128,
}

impl Hash for FlowKey {
    /// Feed the hasher as few words as tell keys apart: IPv4 addresses fill 4 of 16 bytes.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (low, high) = (self.low, self.high);
        if (low | high) << 32 == 0 {
            state.write_u64((low >> 64) as u64 | (high >> 96) as u64);
        } else {
            state.write_u128(low);
            state.write_u128(high);
        }
        // VLANs above the ports, and onto these protocol and family: that lets at most one key of
        // each protocol share its hash with another, and saves a word.
        state.write_u64((self.rest >> 64) as u64 ^ (self.rest as u64).rotate_left(32));
    }
}

impl FlowKey {
    /// The key of a packet with these endpoints.
    #[must_use]
    pub fn of(endpoints: &Endpoints) -> Self {
        let source = (u128::from_be_bytes(endpoints.src), endpoints.sport);
        let destination = (u128::from_be_bytes(endpoints.dst), endpoints.dport);
        let (low, high) = if endpoints.is_one_way || source <= destination {
            (source, destination)
        } else {
            (destination, source)
        };
        let parts = [
            low.1,
            high.1,
            u16::from(endpoints.proto),
            u16::from(endpoints.is_v6),
            endpoints.vlan[0],
            endpoints.vlan[1],
        ];
        let rest = parts.iter().fold(0, |rest, &part| rest << 16 | u128::from(part));
        Self { low: low.0, high: high.0, rest }
    }

    /// The shard that holds the flow. It does not depend on the random hash key: which flows
    /// share a cap must be the same in every run.
    #[must_use]
    pub fn shard(&self) -> usize {
        let mix = self.low ^ self.high.rotate_left(32) ^ self.rest.rotate_left(64);
        let folded = (mix as u64) ^ (mix >> 64) as u64;
        (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % SHARDS
    }
}

/// Hashes flow keys under a random key, so that nobody can choose colliding ones.
#[derive(Clone, Debug, Default)]
pub struct KeyHasher(RandomState);

impl KeyHasher {
    /// Hash of `key`, different in every process.
    #[must_use]
    pub fn hash(&self, key: &FlowKey) -> u64 {
        self.0.hash_one(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints {
            src: [1; 16],
            dst: [2; 16],
            sport: 9,
            dport: 7,
            proto: 6,
            is_v6: true,
            is_one_way: false,
            vlan: [0, 0],
        }
    }

    #[test]
    fn both_directions_share_a_key() {
        assert_eq!(FlowKey::of(&endpoints()), FlowKey::of(&endpoints().reversed()));
        let land = Endpoints { dst: [1; 16], ..endpoints() };
        assert_eq!(FlowKey::of(&land), FlowKey::of(&land.reversed()));
    }

    #[test]
    fn vlan_protocol_and_family_keep_flows_apart() {
        let key = FlowKey::of(&endpoints());
        assert_ne!(key, FlowKey::of(&Endpoints { vlan: [5, 0], ..endpoints() }));
        assert_ne!(key, FlowKey::of(&Endpoints { vlan: [0, 5], ..endpoints() }));
        assert_ne!(key, FlowKey::of(&Endpoints { proto: 17, ..endpoints() }));
        assert_ne!(key, FlowKey::of(&Endpoints { is_v6: false, ..endpoints() }));
    }

    #[test]
    fn one_way_messages_keep_their_direction() {
        let one_way = Endpoints { is_one_way: true, ..endpoints() };
        assert_ne!(FlowKey::of(&one_way), FlowKey::of(&one_way.reversed()));
    }
}
