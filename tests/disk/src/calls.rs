//! The C functions by which a program reaches its files, defined here so that the linker takes these for everybody in
//! this program. Each asks the disk of its thread first, then makes the system call itself, then writes down what
//! happened. What is not on a watched disk passes.
#![expect(unsafe_code, reason = "functions of C are defined and system calls are made")]

use crate::disk::{Disk, Errno, with};
use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use libc::{off_t, size_t, ssize_t};

const HERE: c_int = libc::AT_FDCWD;

/// The result of a call that the disk refuses.
fn refuse(errno: Errno) -> c_long {
    // SAFETY: the address is that of this thread's errno, always.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// # Safety
/// `path` must be what C promises of it: a string that ends with a zero.
unsafe fn text<'a>(path: *const c_char) -> &'a [u8] {
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(path) }.to_bytes()
}

fn int(result: c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}

/// # Safety
/// As for `openat`.
unsafe fn open_at(at: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: promised by the caller.
    let name = unsafe { text(path) };
    if let Some(own) = with(|disk| disk.instead_of(name)).flatten() {
        // SAFETY: the text is ours and outlives the call.
        return int(unsafe { libc::syscall(libc::SYS_openat, HERE, own.as_ptr(), flags, mode) });
    }
    let asked = with(|disk| disk.opening(at, name, flags)).flatten();
    if let Some(Err(errno)) = asked {
        return int(refuse(errno));
    }
    // SAFETY: these are the arguments that the caller gave for this call.
    let fd = int(unsafe { libc::syscall(libc::SYS_openat, at, path, flags, mode) });
    if asked.is_some() && fd >= 0 {
        with(|disk| disk.opened(at, name, flags, fd));
    }
    fd
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the same contract.
    unsafe { open_at(HERE, path, flags, mode) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the same contract; on 64 bits the kernel needs no flag for large files.
    unsafe { open_at(HERE, path, flags, mode) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(
    at: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { open_at(at, path, flags, mode) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(
    at: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { open_at(at, path, flags, mode) }
}

#[unsafe(no_mangle)]
pub extern "C" fn close(fd: c_int) -> c_int {
    with(|disk| disk.closed(fd));
    // SAFETY: closing is what the caller asked for.
    int(unsafe { libc::syscall(libc::SYS_close, fd) })
}

/// # Safety
/// `from` must hold `len` bytes.
unsafe fn write_at(fd: c_int, from: *const c_void, len: size_t, at: Option<off_t>) -> ssize_t {
    let ours = with(|disk| disk.knows(fd)).unwrap_or(false);
    let mut taken = len;
    let mut place = 0;
    if ours {
        // SAFETY: asking for the place changes nothing.
        let now = || unsafe { libc::syscall(libc::SYS_lseek, fd, 0, libc::SEEK_CUR) };
        place = usize::try_from(at.unwrap_or_else(now)).unwrap_or(0);
        match with(|disk| disk.writing(fd, place, len)) {
            Some(Ok(len)) => taken = len,
            Some(Err(errno)) => return refuse(errno) as ssize_t,
            None => {}
        }
    }
    // SAFETY: `taken` is at most `len`, which the caller vouches for.
    let done = unsafe {
        match at {
            Some(at) => libc::syscall(libc::SYS_pwrite64, fd, from, taken, at),
            None => libc::syscall(libc::SYS_write, fd, from, taken),
        }
    };
    if let (true, Ok(done)) = (ours, usize::try_from(done)) {
        // SAFETY: the kernel has just read these bytes.
        let bytes = unsafe { core::slice::from_raw_parts(from.cast::<u8>(), done) };
        with(|disk| disk.written(fd, place, bytes));
    }
    done as ssize_t
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, from: *const c_void, len: size_t) -> ssize_t {
    // SAFETY: the same contract.
    unsafe { write_at(fd, from, len, None) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, from: *const c_void, len: size_t, at: off_t) -> ssize_t {
    // SAFETY: the same contract.
    unsafe { write_at(fd, from, len, Some(at)) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    fd: c_int,
    from: *const c_void,
    len: size_t,
    at: off_t,
) -> ssize_t {
    // SAFETY: the same contract.
    unsafe { write_at(fd, from, len, Some(at)) }
}

/// # Safety
/// `into` must have room for `len` bytes.
unsafe fn read_at(fd: c_int, into: *mut c_void, len: size_t, at: Option<off_t>) -> ssize_t {
    let ours = with(|disk| disk.knows(fd)).unwrap_or(false);
    if ours && let Some(Err(errno)) = with(Disk::reading) {
        return refuse(errno) as ssize_t;
    }
    // SAFETY: the caller vouches for the room.
    let done = unsafe {
        match at {
            Some(at) => libc::syscall(libc::SYS_pread64, fd, into, len, at),
            None => libc::syscall(libc::SYS_read, fd, into, len),
        }
    };
    if let (true, Ok(done)) = (ours, usize::try_from(done)) {
        // SAFETY: the kernel has just written these bytes.
        let bytes = unsafe { core::slice::from_raw_parts_mut(into.cast::<u8>(), done) };
        with(|disk| disk.read(bytes));
    }
    done as ssize_t
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(fd: c_int, into: *mut c_void, len: size_t) -> ssize_t {
    // SAFETY: the same contract.
    unsafe { read_at(fd, into, len, None) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pread(fd: c_int, into: *mut c_void, len: size_t, at: off_t) -> ssize_t {
    // SAFETY: the same contract.
    unsafe { read_at(fd, into, len, Some(at)) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pread64(fd: c_int, into: *mut c_void, len: size_t, at: off_t) -> ssize_t {
    // SAFETY: the same contract.
    unsafe { read_at(fd, into, len, Some(at)) }
}

fn resize(fd: c_int, len: off_t) -> c_int {
    let ours = with(|disk| disk.knows(fd)).unwrap_or(false);
    if ours && let Some(Err(errno)) = with(Disk::resizing) {
        return int(refuse(errno));
    }
    // SAFETY: numbers only.
    let done = int(unsafe { libc::syscall(libc::SYS_ftruncate, fd, len) });
    if let (true, 0, Ok(len)) = (ours, done, usize::try_from(len)) {
        with(|disk| disk.resized(fd, len));
    }
    done
}

#[unsafe(no_mangle)]
pub extern "C" fn ftruncate(fd: c_int, len: off_t) -> c_int {
    resize(fd, len)
}

#[unsafe(no_mangle)]
pub extern "C" fn ftruncate64(fd: c_int, len: off_t) -> c_int {
    resize(fd, len)
}

fn sync(fd: c_int, call: c_long) -> c_int {
    match with(|disk| disk.knows(fd).then(|| disk.sync(fd))).flatten() {
        Some(Ok(())) => 0,
        Some(Err(errno)) => int(refuse(errno)),
        // SAFETY: numbers only.
        None => int(unsafe { libc::syscall(call, fd) }),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fsync)
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fdatasync)
}

/// # Safety
/// As for `unlinkat`.
unsafe fn remove(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: promised by the caller.
    let name = unsafe { text(path) };
    let asked = with(|disk| disk.naming(at, name)).flatten();
    if let Some(Err(errno)) = asked {
        return int(refuse(errno));
    }
    // SAFETY: these are the arguments that the caller gave for this call.
    let done = int(unsafe { libc::syscall(libc::SYS_unlinkat, at, path, flags) });
    if asked.is_some() && done == 0 {
        with(|disk| disk.removed(at, name));
    }
    done
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { remove(HERE, path, 0) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { remove(HERE, path, libc::AT_REMOVEDIR) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the same contract.
    unsafe { remove(at, path, flags) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    // SAFETY: promised by the caller.
    let name = unsafe { text(path) };
    let asked = with(|disk| disk.naming(HERE, name)).flatten();
    if let Some(Err(errno)) = asked {
        return int(refuse(errno));
    }
    // SAFETY: these are the arguments that the caller gave for this call.
    let done = int(unsafe { libc::syscall(libc::SYS_mkdirat, HERE, path, mode) });
    if asked.is_some() && done == 0 {
        with(|disk| disk.made(HERE, name));
    }
    done
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    let (old, new) = unsafe { (text(from), text(to)) };
    let asked = with(|disk| disk.naming(HERE, old)).flatten();
    if let Some(Err(errno)) = asked {
        return int(refuse(errno));
    }
    // SAFETY: these are the arguments that the caller gave for this call.
    let done = int(unsafe { libc::syscall(libc::SYS_renameat2, HERE, from, HERE, to, 0) });
    if asked.is_some() && done == 0 {
        with(|disk| disk.moved((HERE, old), (HERE, new)));
    }
    done
}
