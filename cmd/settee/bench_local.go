package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// localServer is a settee that bench started: this very binary, on free ports, in a temporary folder.
type localServer struct {
	dir, admin string
	couch, npm *url.URL
	cmd        *exec.Cmd
	ended      chan struct{} // closed when the process has ended
	log        bytes.Buffer  // read it after the end
}

func startLocal(ctx context.Context) (*localServer, error) {
	dir, err := os.MkdirTemp("", "settee-bench-")
	if err != nil {
		return nil, err
	}
	s := &localServer{dir: dir, admin: "bench:" + rand.Text()}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// start returns when the server says that it is ready.
func (s *localServer) start(ctx context.Context) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--data", filepath.Join(s.dir, "data"),
		"--npm", "127.0.0.1:0", "--couch", "127.0.0.1:0", "--admin", s.admin)
	s.log.Reset()
	s.cmd.Stderr = &s.log
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "SETTEE_") { // flags that are meant for a server of the user's
			s.cmd.Env = append(s.cmd.Env, setting)
		}
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ready, err := s.banner(stdout)
	s.ended = make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stdout) // to its end, before Wait closes the pipe
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	if err == nil && !ready {
		<-s.ended
		err = fmt.Errorf("it ended before it was ready: %s", bytes.TrimSpace(s.log.Bytes()))
	}
	return err
}

// banner reads where the server listens.
func (s *localServer) banner(stdout io.Reader) (ready bool, err error) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "ready" {
		fields := strings.Fields(lines.Text())
		if len(fields) != 2 {
			continue
		}
		switch fields[0] {
		case "npm":
			s.npm, err = baseURL("npm", fields[1])
		case "couch":
			s.couch, err = baseURL("couch", fields[1])
		}
		if err != nil {
			return false, err
		}
	}
	return lines.Text() == "ready" && s.npm != nil && s.couch != nil, lines.Err()
}

// stop sends a signal and waits for the end.
func (s *localServer) stop(signal os.Signal) error {
	if s.ended == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	return nil
}

// peak is the most memory the server held so far, held what it holds now, in bytes; 0 where the system does not tell.
func (s *localServer) peak() float64 { return s.memory("VmHWM:") }
func (s *localServer) held() float64 { return s.memory("VmRSS:") }

func (s *localServer) memory(line string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), line)
	fields := strings.Fields(after)
	if len(fields) < 2 {
		return 0
	}
	kilobytes, _ := strconv.ParseFloat(fields[0], 64)
	return kilobytes * 1024
}

// remove ends the server and removes its folder.
func (s *localServer) remove() error {
	return errors.Join(s.stop(syscall.SIGKILL), os.RemoveAll(s.dir))
}
