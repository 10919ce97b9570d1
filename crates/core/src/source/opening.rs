//! Opening an input: what may be read, and what is refused before it is touched.

use super::faults::id;
use std::fs::{self, File, FileType};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// An input as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, which users call `-`.
    Stdin,
    /// A file or a named pipe.
    File(PathBuf),
}

impl Input {
    /// The name as it is shown; bytes that are not UTF-8 are replaced.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "-".into(),
            Self::File(path) => path.to_string_lossy().into_owned(),
        }
    }

    /// Whether reading it again gives the same bytes, and no one waits at the other end.
    pub(crate) fn is_regular(&self) -> bool {
        match self {
            Self::Stdin => false,
            Self::File(path) => fs::metadata(path).is_ok_and(|m| m.is_file()),
        }
    }

    /// Bytes stored, where that is known without reading.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => {
                let metadata = fs::metadata(path).ok()?;
                metadata.is_file().then_some(metadata.len())
            }
        }
    }
}

/// Where stored bytes come from.
pub(crate) enum Stored {
    /// A regular file, which may grow.
    File(File),
    /// A pipe: its end is final, and reading may block.
    Stream(Box<dyn Read + Send>),
}

impl Stored {
    /// Read as [`Read::read`] does, again where a signal interrupted it.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match self {
                Self::File(file) => file.read(into),
                Self::Stream(stream) => stream.read(into),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// The same, for a decoder.
    pub fn into_reader(self) -> Box<dyn Read + Send> {
        match self {
            Self::File(file) => Box::new(file),
            Self::Stream(stream) => stream,
        }
    }
}

/// Open `input`, or say why not: a fault's identifier and text.
pub(crate) fn open(input: &Input) -> Result<Stored, (&'static str, String)> {
    match input {
        Input::Stdin => open_stdin(),
        Input::File(path) => open_file(path),
    }
}

fn open_stdin() -> Result<Stored, (&'static str, String)> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let text = "standard input is a terminal; give a file or a pipe";
        return Err((id::NOT_A_FILE, text.into()));
    }
    // A large read bypasses the buffer of `Stdin`, so nothing is copied twice.
    Ok(Stored::Stream(Box::new(stdin)))
}

fn open_file(path: &Path) -> Result<Stored, (&'static str, String)> {
    let cannot = |error: io::Error| (id::CANNOT_OPEN, format!("cannot be opened: {error}"));
    // Looked at before it is opened: opening a device may do something.
    let kind = fs::metadata(path).map_err(cannot)?.file_type();
    let is_pipe = is_pipe(kind);
    if !kind.is_file() && !is_pipe {
        let text = format!("this is {}, not a file", kind_name(kind));
        return Err((id::NOT_A_FILE, text));
    }
    let file = File::open(path).map_err(cannot)?;
    Ok(if is_pipe { Stored::Stream(Box::new(file)) } else { Stored::File(file) })
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}

fn kind_name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_char_device() {
            return "a character device";
        }
        if kind.is_block_device() {
            return "a block device";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() {
        "a directory"
    } else {
        "something else"
    }
}
