package js

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"
)

// Limits bound the functions of a program. Zero members take their defaults.
type Limits struct {
	Time   time.Duration // of one call; default 5 s, CouchDB's os_process_timeout
	Stack  int           // frames; default 1,000: deeper than any honest walk over a document
	Heap   int64         // bytes the heap may grow in one long call; default 512 MiB
	Output int           // bytes one function may emit for one document; default 64 MiB
	Log    func(message string)
}

// Source is what a program is made of.
type Source struct {
	Maps    []string
	Reduces []string
	Lib     json.RawMessage // the object views.lib, or nil
	// Design is the whole design document, for functions that may require any
	// part of it and see it as this: all but those of views. They are called by their paths.
	Design json.RawMessage
}

// Program is compiled functions and the machines that run them. It is safe
// for concurrent use.
type Program struct {
	limits  Limits
	design  json.RawMessage // nil: only views.lib can be required
	modules map[string]any  // what can be required, by the members of the design document
	maps    []*function
	reduces []*function
	plain   bool      // some of maps are
	frames  sync.Pool // of *frame

	mu    sync.Mutex
	idle  []*machine           // guarded by mu
	named map[string]*function // guarded by mu; of the design document, by their paths
}

// function is one compiled function. What it may still take is shared by all machines.
type function struct {
	code   *goja.Program
	plain  *plain // of a map function that needs no interpreter
	source string // of a design document's function

	slow atomic.Bool // the last call was stopped
	mu   sync.Mutex
	time time.Duration // guarded by mu
}

// Compile compiles the functions of a design document. The error names the first that fails.
func Compile(s Source, l Limits) (*Program, error) {
	l.Time = or(l.Time, 5*time.Second)
	l.Stack = or(l.Stack, 1000)
	l.Heap = or(l.Heap, 512<<20)
	l.Output = or(l.Output, 64<<20)
	if l.Log == nil {
		l.Log = func(string) {}
	}
	p := &Program{limits: l, design: bytes.TrimSpace(s.Design)}
	if err := p.readModules(s); err != nil {
		return nil, err
	}
	for _, list := range []struct {
		sources []string
		into    *[]*function
	}{{s.Maps, &p.maps}, {s.Reduces, &p.reduces}} {
		for _, source := range list.sources {
			code, err := compile(source)
			if err != nil {
				return nil, err
			}
			*list.into = append(*list.into, &function{code: code, time: l.Time})
		}
	}
	for i, f := range p.maps {
		f.plain = compilePlain(s.Maps[i])
		p.plain = p.plain || f.plain != nil
	}
	return p, nil
}

func (p *Program) readModules(s Source) error {
	if len(p.design) > 0 {
		return json.Unmarshal(p.design, &p.modules)
	}
	p.design = nil
	var lib map[string]any
	if len(s.Lib) > 0 {
		if err := json.Unmarshal(s.Lib, &lib); err != nil {
			return fmt.Errorf("views.lib: %w", err)
		}
	}
	p.modules = map[string]any{"views": map[string]any{"lib": lib}}
	return nil
}

func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Check reports whether the source is a function.
func Check(source string) error {
	code, err := compile(source)
	if err != nil {
		return err
	}
	p := &Program{limits: Limits{Time: time.Second, Stack: 100, Heap: 64 << 20, Output: 1 << 20, Log: func(string) {}}}
	m, err := newMachine(p)
	if err != nil {
		return err
	}
	return m.guard(time.Second, func() error {
		_, err := m.load(code)
		return err
	})
}

// asExpression makes an expression of a function's source: old functions end in a
// semicolon, and a comment may stand after the last brace.
func asExpression(source string) string { return "(" + strings.TrimRight(source, "; \t\r\n") + "\n)" }

func compile(source string) (*goja.Program, error) {
	code, err := goja.Compile("", asExpression(source), false)
	if err != nil {
		if code := compileStatements(source); code != nil {
			return code, nil
		}
		var syntax *goja.CompilerSyntaxError
		if errors.As(err, &syntax) {
			return nil, errors.New(syntax.Error())
		}
		return nil, err
	}
	return code, nil
}

// borrow takes an idle machine or makes one.
func (p *Program) borrow() (*machine, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		m := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return m, nil
	}
	p.mu.Unlock()
	return newMachine(p)
}

// release keeps the machine for the next borrower: as many as can run at once.
func (p *Program) release(m *machine) {
	if m.broken {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < runtime.GOMAXPROCS(0) {
		p.idle = append(p.idle, m)
	}
}

// limit is how long the function's next call may take.
func (f *function) limit() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.time
}

func (f *function) finished(err error, whole time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(err, ErrStopped) {
		f.time = max(f.time/2, tick)
	} else {
		f.time = whole
	}
	f.slow.Store(f.time < whole)
}
