//! The bytes of one entry.
//!
//! ```text
//! 0   previous entry of its list (4)     16  life after the update, ms (4); 0 where nothing expires
//! 4   next entry of its list (4)         20  update id (4)
//! 8   time of the update, ms (6)         24  key: its bytes, or see `Keys`
//! 14  generation (1)                     …   values as `Plan` has them: 4 or 8 bytes each
//! 15  flags (1)
//! ```
//! All numbers are little-endian; nothing is aligned.

/// Bytes in front of the key.
pub(super) const HEADER: usize = 24;

/// The record is an entry, not a free piece.
pub(super) const OCCUPIED: u8 = 1;
/// The entry was updated after it was put into its list.
pub(super) const RENEWED: u8 = 2;
/// The last update was part of a resync.
pub(super) const RESYNC: u8 = 4;

/// What stands in front of the key, without the links.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) updated_ms: u64,
    pub(super) generation: u8,
    pub(super) flags: u8,
    pub(super) life_ms: u32,
    pub(super) update_id: u32,
}

impl Header {
    pub(super) fn read(record: &[u8]) -> Self {
        let Some([_, _, _, _, _, _, _, _, u0, u1, u2, u3, u4, u5, generation, flags, rest @ ..]) =
            record.first_chunk::<HEADER>()
        else {
            return Self { updated_ms: 0, generation: 0, flags: 0, life_ms: 0, update_id: 0 };
        };
        let [l0, l1, l2, l3, i0, i1, i2, i3] = *rest;
        Self {
            updated_ms: u64::from_le_bytes([*u0, *u1, *u2, *u3, *u4, *u5, 0, 0]),
            generation: *generation,
            flags: *flags,
            life_ms: u32::from_le_bytes([l0, l1, l2, l3]),
            update_id: u32::from_le_bytes([i0, i1, i2, i3]),
        }
    }

    pub(super) fn write(self, record: &mut [u8]) {
        let Some(header) = record.first_chunk_mut::<HEADER>() else { return };
        let stamp = self.updated_ms & STAMP | u64::from(self.generation) << 48 | u64::from(self.flags) << 56;
        header[8..16].copy_from_slice(&stamp.to_le_bytes());
        header[16..20].copy_from_slice(&self.life_ms.to_le_bytes());
        header[20..24].copy_from_slice(&self.update_id.to_le_bytes());
    }

    /// When the entry's life ends; meaningless where nothing expires.
    pub(super) fn deadline_ms(self) -> u64 {
        self.updated_ms + u64::from(self.life_ms)
    }
}

/// The bits of a time that are kept: milliseconds of 8900 years.
pub(super) const STAMP: u64 = (1 << 48) - 1;

pub(super) fn is_occupied(record: &[u8]) -> bool {
    record.get(15).is_some_and(|flags| flags & OCCUPIED != 0)
}

pub(super) fn generation(record: &[u8]) -> u8 {
    record.get(14).copied().unwrap_or_default()
}

pub(super) fn set_generation(record: &mut [u8], generation: u8) {
    if let Some(place) = record.get_mut(14) {
        *place = generation;
    }
}

/// Makes the record that of a free piece.
pub(super) fn vacate(record: &mut [u8]) {
    if let Some(flags) = record.get_mut(15) {
        *flags = 0;
    }
}

/// Whether the entry was updated after it was put into its list; it counts as put there now.
pub(super) fn take_renewed(record: &mut [u8]) -> bool {
    let Some(flags) = record.get_mut(15) else { return false };
    let renewed = *flags & RENEWED != 0;
    *flags &= !RENEWED;
    renewed
}

pub(super) fn deadline(record: &[u8]) -> u64 {
    Header::read(record).deadline_ms()
}

/// The links to the previous and the next one.
pub(super) fn links(record: &[u8]) -> (u32, u32) {
    (u32_at(record, 0), u32_at(record, 4))
}

pub(super) fn set_links(record: &mut [u8], previous: u32, next: u32) {
    put_u32(record, 0, previous);
    put_u32(record, 4, next);
}

pub(super) fn set_previous(record: &mut [u8], previous: u32) {
    put_u32(record, 0, previous);
}

pub(super) fn set_next(record: &mut [u8], next: u32) {
    put_u32(record, 4, next);
}

/// The number at `at`; 0 past the end.
pub(super) fn u32_at(record: &[u8], at: usize) -> u32 {
    record.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The number at `at`; 0 past the end.
pub(super) fn u64_at(record: &[u8], at: usize) -> u64 {
    record.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Writes the number at `at`; nothing past the end.
pub(super) fn put_u32(record: &mut [u8], at: usize, value: u32) {
    if let Some(bytes) = record.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *bytes = value.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_links_stay() {
        let mut record = [0xff; HEADER + 2];
        set_links(&mut record, 7, 9);
        let header = Header { updated_ms: STAMP - 1, generation: 200, flags: 5, life_ms: u32::MAX, update_id: 1 << 31 };
        header.write(&mut record);
        let read = Header::read(&record);
        assert_eq!(format!("{read:?}"), format!("{header:?}"));
        assert_eq!(links(&record), (7, 9));
        assert_eq!(record[HEADER..], [0xff, 0xff]);
        assert_eq!((generation(&record), is_occupied(&record)), (200, true));
    }
}
