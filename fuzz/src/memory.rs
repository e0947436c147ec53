//! How much memory an input takes at most, counted by thread.
//!
//! An input of a few bytes that makes a parser reserve gigabytes is as bad as one that makes it panic; the system's
//! allocator would grant it and nobody would see.

#![expect(
    unsafe_code,
    reason = "counting allocations needs an allocator, whose trait is unsafe"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Most bytes that may be allocated at once while one input is parsed. Decoders of xz and zstd reserve up to 64 MiB for
/// a window that a file asks for.
pub const INPUT_PEAK_BYTES_MAX: usize = 256 << 20;

thread_local! {
    // Neither has a destructor, so they can be used inside the allocator at any time.
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn grown(bytes: usize) {
    let live = LIVE.get().saturating_add(bytes);
    LIVE.set(live);
    if live > PEAK.get() {
        PEAK.set(live);
    }
}

fn shrunk(bytes: usize) {
    // What another thread allocated may be freed here.
    LIVE.set(LIVE.get().saturating_sub(bytes));
}

// SAFETY: every call is handed to the system's allocator unchanged; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: as above; `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        shrunk(layout.size());
        grown(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `work` and says how many bytes this thread had allocated more than before, at the worst moment.
pub fn measured(work: impl FnOnce()) -> usize {
    let before = LIVE.get();
    PEAK.set(before);
    work();
    PEAK.get().saturating_sub(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_counts_what_was_freed_again() {
        let peak = measured(|| {
            drop(Vec::<u8>::with_capacity(1 << 20));
            drop(Vec::<u8>::with_capacity(3 << 20));
        });
        assert!((3 << 20..4 << 20).contains(&peak), "{peak}");
    }
}
