//! Opening an input: what may be read, and what is refused before it is touched.

use super::faults::id;
use crate::limits::PIPE_PATIENCE_MS;
use std::fs::{self, File, FileType};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

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

/// Reads what somebody else writes, and ends when it is told to while nothing comes.
struct Pipe<T> {
    inner: T,
    stop: Arc<AtomicBool>,
}

#[cfg(unix)]
impl<T: Read + std::os::fd::AsFd> Pipe<T> {
    /// Wait until there is something to read, or the end; whether there is.
    fn wait(&self) -> io::Result<bool> {
        use rustix::event::{poll, PollFd, PollFlags, Timespec};
        let patience = Timespec { tv_sec: 0, tv_nsec: (PIPE_PATIENCE_MS * 1_000_000) as _ };
        while !self.stop.load(Ordering::Relaxed) {
            let mut waiting = [PollFd::new(&self.inner, PollFlags::IN)];
            match poll(&mut waiting, Some(&patience)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

#[cfg(unix)]
impl<T: Read + std::os::fd::AsFd> Read for Pipe<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.wait()? {
            self.inner.read(into)
        } else {
            Ok(0)
        }
    }
}

#[cfg(not(unix))]
impl<T: Read> Read for Pipe<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(0);
        }
        self.inner.read(into)
    }
}

/// Open `input`, or say why not: a fault's identifier and text. Waiting for a writer ends when
/// `stop` is raised.
pub(crate) fn open(
    input: &Input,
    stop: &Arc<AtomicBool>,
) -> Result<Stored, (&'static str, String)> {
    match input {
        Input::Stdin => open_stdin(stop),
        Input::File(path) => open_file(path, stop),
    }
}

fn open_stdin(stop: &Arc<AtomicBool>) -> Result<Stored, (&'static str, String)> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let text = "standard input is a terminal; give a file or a pipe";
        return Err((id::NOT_A_FILE, text.into()));
    }
    // A large read bypasses the buffer of `Stdin`, so nothing is copied twice.
    Ok(Stored::Stream(Box::new(Pipe { inner: stdin, stop: Arc::clone(stop) })))
}

fn open_file(path: &Path, stop: &Arc<AtomicBool>) -> Result<Stored, (&'static str, String)> {
    let cannot =
        |error: io::Error| (id::CANNOT_OPEN, format!("cannot be opened: {}", reason(&error)));
    // Looked at before it is opened: opening a device may do something.
    let kind = fs::metadata(path).map_err(cannot)?.file_type();
    let is_pipe = is_pipe(kind);
    if !kind.is_file() && !is_pipe {
        let text = format!("this is {}, not a file", kind_name(kind));
        return Err((id::NOT_A_FILE, text));
    }
    let file = File::open(path).map_err(cannot)?;
    if is_pipe {
        return Ok(Stored::Stream(Box::new(Pipe { inner: file, stop: Arc::clone(stop) })));
    }
    Ok(Stored::File(file))
}

/// What the system says of an error, without the number that Rust adds.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
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
