//go:build unix

package tarballs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// lock holds a file until it is closed or the process ends, however it ends.
func (osDoor) lock(name string) (io.Closer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}
