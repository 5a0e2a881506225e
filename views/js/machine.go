package js

import (
	_ "embed"
	"errors"
	"fmt"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// ErrStopped is why a function that ran too long or took too much memory failed.
var ErrStopped = errors.New("stopped")

//lint:ignore ST1005 CouchDB's words
var errNoFunction = errors.New("Expression does not eval to a function.")

// tick is how often a running call is looked at: often enough to stop a loop that
// allocates, seldom enough to cost nothing.
const tick = 50 * time.Millisecond

//go:embed prelude.js
var preludeSource string

// prelude makes the functions that need no Go.
var prelude = sync.OnceValue(func() *goja.Program { return goja.MustCompile("prelude", preludeSource, false) })

// machine is one interpreter with a program's functions loaded. One goroutine uses it at a time.
type machine struct {
	*goja.Runtime
	program *Program
	maps    []goja.Callable // nil where not loaded yet
	reduces []goja.Callable
	parse   goja.Callable
	modules map[string]*goja.Object
	calls   map[*function]loaded // the design document's functions
	this    goja.Value           // the design document; nil: not decoded yet
	req     struct {             // the last request of a filter
		raw   []byte
		value goja.Value
	}
	render render
	broken bool // it was interrupted in the middle of something

	out  []byte // what the running function emitted
	rows []row
	full bool

	watch struct {
		sync.Mutex
		armed    bool      // the timer runs
		deadline time.Time // zero: no call
		heap     int64     // at the first tick of the call; 0: not taken yet
		call     int64
		seen     int64 // the call that heap belongs to
	}
}

// row is one emit: where its key and value lie in out.
type row struct{ key, value, end int }

func newMachine(p *Program) (*machine, error) {
	m := &machine{
		Runtime: goja.New(), program: p, modules: map[string]*goja.Object{}, calls: map[*function]loaded{},
		maps: make([]goja.Callable, len(p.maps)), reduces: make([]goja.Callable, len(p.reduces)),
	}
	m.SetMaxCallStackSize(p.limits.Stack)
	m.parse, _ = goja.AssertFunction(m.Get("JSON").ToObject(m.Runtime).Get("parse"))
	for name, v := range map[string]any{
		"emit": m.emit, "log": m.log, "require": m.requireFrom(nil), "maximum": p.limits.Output,
	} {
		if err := m.Set(name, v); err != nil {
			return nil, err
		}
	}
	_, err := m.RunProgram(prelude())
	return m, err
}

// load evaluates a function's source.
func (m *machine) load(code *goja.Program) (goja.Callable, error) {
	v, err := m.RunProgram(code)
	if err != nil {
		return nil, err
	}
	f, ok := goja.AssertFunction(v)
	if !ok {
		return nil, errNoFunction
	}
	return f, nil
}

// guard runs JavaScript under the limits. It turns whatever happens into an error.
func (m *machine) guard(limit time.Duration, run func() error) (err error) {
	defer func() {
		m.end()
		if r := recover(); r != nil {
			m.broken = true
			err = fmt.Errorf("interpreter failed: %v", r)
			if failed, ok := r.(error); ok {
				err = fmt.Errorf("interpreter failed: %w", failed)
			}
		}
		var interrupted *goja.InterruptedError
		if errors.As(err, &interrupted) {
			m.broken = true
			err = fmt.Errorf("%w: %v", ErrStopped, interrupted.Value())
		}
	}()
	m.begin(limit)
	return run()
}

func (m *machine) begin(limit time.Duration) {
	w := &m.watch
	w.Lock()
	defer w.Unlock()
	w.call++
	w.deadline = time.Now().Add(limit)
	if !w.armed {
		w.armed = true
		time.AfterFunc(tick, m.look)
	}
}

func (m *machine) end() {
	w := &m.watch
	w.Lock()
	defer w.Unlock()
	w.deadline = time.Time{}
}

// look runs each tick while calls are made and interrupts one that passed a limit.
func (m *machine) look() {
	w := &m.watch
	w.Lock()
	defer w.Unlock()
	if w.deadline.IsZero() {
		w.armed = false
		return
	}
	switch now := time.Now(); {
	case now.After(w.deadline):
		m.Interrupt("it ran longer than its time limit")
	case w.seen != w.call:
		w.seen, w.heap = w.call, heapSize()
	case heapSize()-w.heap > m.program.limits.Heap:
		m.Interrupt("it used more memory than its limit")
	}
	time.AfterFunc(tick, m.look)
}

func heapSize() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

func (m *machine) log(c goja.FunctionCall) goja.Value {
	text := c.Argument(0)
	if _, isObject := text.(*goja.Object); isObject {
		m.program.limits.Log(string(m.appendJSON(nil, text, 0)))
	} else {
		m.program.limits.Log(text.String())
	}
	return goja.Undefined()
}
