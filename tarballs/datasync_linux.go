package tarballs

import "syscall"

// Datasync is fdatasync: it leaves out the times, and so, in bytes that were
// there before, the file system's commit.
func (f osFile) Datasync() error { return syscall.Fdatasync(int(f.Fd())) }
