//! Phased updates: which share of machines gets a version, decided by each machine alone.
//!
//! apt seeds a generator with `SOURCE-VERSION-MACHINEID` and draws a number from 0 to 100; the update is held back
//! where the number is greater than `Phased-Update-Percentage`. To agree with apt, the C++ standard's generators are
//! reproduced bit for bit: `std::seed_seq` ([rand.util.seedseq]), `std::minstd_rand` ([rand.predef]), and
//! `std::uniform_int_distribution` as libstdc++ does it (the standard leaves that one open).

/// Whether this machine does not get the version yet.
#[must_use]
pub fn is_excluded(source: &str, source_version: &str, machine_id: &str, percent: u8) -> bool {
    draw(&format!("{source}-{source_version}-{machine_id}")) > u32::from(percent)
}

/// The number from 0 to 100 that apt draws for a seed text.
#[must_use]
pub fn draw(seed: &str) -> u32 {
    const SPAN: u64 = 101;
    // minstd_rand gives 1 to 2^31 - 2.
    const RANGE: u64 = MODULUS - 2;
    const SCALE: u64 = RANGE / SPAN;
    let mut state = first_state(seed);
    loop {
        state = state * 48_271 % MODULUS;
        let number = state - 1;
        if number < SPAN * SCALE {
            return u32::try_from(number / SCALE).unwrap_or(0);
        }
    }
}

const MODULUS: u64 = 2_147_483_647;

/// How `minstd_rand` seeds itself from a seed sequence: it asks for four words and uses the last.
fn first_state(seed: &str) -> u64 {
    let [_, _, _, last] = seed_words(seed.as_bytes());
    match u64::from(last) % MODULUS {
        0 => 1,
        state => state,
    }
}

/// `std::seed_seq::generate` for four words. Characters are signed there.
fn seed_words(seed: &[u8]) -> [u32; 4] {
    const N: usize = 4;
    let (p, q) = (1, 2);
    let steps = (seed.len() + 1).max(N);
    let mut words = [0x8b8b_8b8b_u32; N];
    let at = |words: &[u32; N], index: usize| words.get(index % N).copied().unwrap_or(0);
    let put = |words: &mut [u32; N], index: usize, value: u32| {
        if let Some(word) = words.get_mut(index % N) {
            *word = value;
        }
    };
    let index = |k: usize| u32::try_from(k % N).unwrap_or(0);
    let mix = |x: u32| x ^ (x >> 27);
    for k in 0..steps {
        let r1 =
            mix(at(&words, k) ^ at(&words, k + p) ^ at(&words, k + N - 1)).wrapping_mul(1_664_525);
        let add = match k.checked_sub(1).map(|before| seed.get(before)) {
            None => u32::try_from(seed.len()).unwrap_or(u32::MAX),
            Some(Some(&byte)) => {
                index(k).wrapping_add(i32::from(byte.cast_signed()).cast_unsigned())
            }
            Some(None) => index(k),
        };
        let r2 = r1.wrapping_add(add);
        let (a, b) = (
            at(&words, k + p).wrapping_add(r1),
            at(&words, k + q).wrapping_add(r2),
        );
        put(&mut words, k + p, a);
        put(&mut words, k + q, b);
        put(&mut words, k, r2);
    }
    for k in steps..steps + N {
        let sum = at(&words, k)
            .wrapping_add(at(&words, k + p))
            .wrapping_add(at(&words, k + N - 1));
        let r3 = mix(sum).wrapping_mul(1_566_083_941);
        let r4 = r3.wrapping_sub(index(k));
        let (a, b) = (at(&words, k + p) ^ r3, at(&words, k + q) ^ r4);
        put(&mut words, k + p, a);
        put(&mut words, k + q, b);
        put(&mut words, k, r4);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_is_about_its_size() {
        for percent in [0u8, 10, 50, 90] {
            let got = (0..4000)
                .filter(|n| !is_excluded("src", "1.0", &format!("{n:032x}"), percent))
                .count();
            let share = got as f64 / 40.0;
            assert!(
                (share - f64::from(percent)).abs() < 4.0,
                "{percent} % gave {share}"
            );
        }
        assert!((0..500).all(|n| !is_excluded("src", "1", &format!("{n:x}"), 100)));
    }
}
