//go:build !linux

package tarballs

// Datasync is an fsync here.
func (f osFile) Datasync() error { return f.Sync() }
