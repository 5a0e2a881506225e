package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait; nothing is measured by it.
const patience = time.Minute

// serving is a process that runs settee serve.
type serving struct {
	npm, couch string // base URLs without a slash at the end; "" when off
	banner     string
	stderr     bytes.Buffer // read it after the end
	cmd        *exec.Cmd
	ended      chan struct{} // closed when the process has ended
}

// startServing runs settee serve on free ports until the test ends, and returns when it says ready.
func startServing(t *testing.T, args ...string) *serving {
	t.Helper()
	return startCommand(t, "settee", append([]string{"serve", "--npm", "127.0.0.1:0", "--couch", "127.0.0.1:0"}, args...)...)
}

// startCommand is startServing by a command that comes to be settee serve.
func startCommand(t *testing.T, name string, args ...string) *serving {
	t.Helper()
	s := &serving{ended: make(chan struct{})}
	s.cmd = exec.Command(name, args...)
	s.cmd.Dir, s.cmd.Stderr = t.TempDir(), &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "ready" {
		s.banner += lines.Text() + "\n"
	}
	ready := lines.Text() == "ready"
	go func() {
		_, _ = io.Copy(io.Discard, stdout) // to its end, before Wait closes the pipe
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("%s %v:\n%s%s", name, args, s.banner, s.stderr.String())
		}
	})
	if !ready {
		<-s.ended // until then it writes there
		require.FailNow(t, "it is not ready", "%s %v: %s", name, args, s.stderr.String())
	}
	s.npm, s.couch = s.url("npm"), s.url("couch")
	return s
}

func (s *serving) url(api string) string {
	m := regexp.MustCompile(`(?m)^  ` + api + ` +(https?://\S+)/$`).FindStringSubmatch(s.banner)
	if m == nil {
		return ""
	}
	return m[1]
}

// stop asks for the end and waits for it.
func (s *serving) stop(t *testing.T) int {
	t.Helper()
	s.signal(t)
	return s.wait(t)
}

func (s *serving) signal(t *testing.T) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
}

func (s *serving) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("settee does not end")
		return 0
	}
}

// settee runs a command to its end.
func settee(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command("settee", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &out, &errs
	err := cmd.Run()
	require.NotNil(t, cmd.ProcessState, "%v", err)
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// ask sends a request as NAME:PASSWORD, or as nobody.
func ask(t *testing.T, who, method, url, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if name, password, ok := strings.Cut(who, ":"); ok {
		req.SetBasicAuth(name, password)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // read to the end
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(raw)
}

// publishes puts a package of one version.
func publishes(t *testing.T, who, npm, name string) {
	t.Helper()
	body, err := publishBody(name, "1.0.0", 500, 1)
	require.NoError(t, err)
	status, answer := ask(t, who, "PUT", npm+"/"+name, string(body))
	require.Equal(t, http.StatusCreated, status, answer)
}

// filesOf are the files below dir whose names match.
func filesOf(t *testing.T, dir, pattern string) []string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if ok, _ := filepath.Match(pattern, d.Name()); ok {
				files = append(files, path)
			}
		}
		return err
	}))
	return files
}
