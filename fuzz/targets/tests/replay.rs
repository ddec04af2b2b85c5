//! Replays the committed corpora without a fuzzer, and variations of them that cost nothing.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use larder_fuzz_targets::ALL;

    fn fuzz_folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn corpus(name: &str) -> Vec<Vec<u8>> {
        let folder = fuzz_folder().join("corpus").join(name);
        let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("corpus of {name}: {e}"));
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn every_input_of_the_corpora_keeps_the_properties() {
        for (name, target) in ALL {
            let inputs = corpus(name);
            assert!(inputs.len() >= 2, "{name} has hardly a corpus");
            for input in inputs {
                target(&input);
            }
        }
    }

    #[test]
    fn inputs_cut_short_and_with_one_byte_changed_keep_the_properties() {
        for (name, target) in ALL {
            let inputs = corpus(name).into_iter().filter(|input| input.len() <= 512);
            inputs.flat_map(|input| variations(&input)).for_each(|input| target(&input));
        }
    }

    fn variations(input: &[u8]) -> Vec<Vec<u8>> {
        let changed = |at: usize, byte: u8| {
            let mut changed = input.to_vec();
            changed[at] = byte;
            changed
        };
        let bytes = [0, b'"', b',', b'=', b'\\', b' ', b'*', b'9', 0xff];
        let cut = (0..input.len()).map(|at| input[..at].to_vec());
        cut.chain((0..input.len()).flat_map(|at| bytes.map(|byte| changed(at, byte)))).collect()
    }

    #[test]
    fn every_target_has_its_fuzzer() {
        for (name, _) in ALL {
            let file = fuzz_folder().join("fuzz_targets").join(format!("{name}.rs"));
            let text = std::fs::read_to_string(file).unwrap_or_default();
            assert!(text.contains(&format!("run(\"{name}\"")), "fuzz_targets/{name}.rs");
        }
    }
}
