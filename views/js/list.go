package js

import (
	"encoding/json"

	"github.com/dop251/goja"
)

// A List is where a list function's rows come from and where what it says goes. Its
// functions are called while the function waits, one at a time; an error of theirs ends it.
type List struct {
	// Next is the next row, a JSON text that does not change; nil behind the last.
	Next func() ([]byte, error)
	// Start is told the response object, JSON, before the first text; once more
	// where the function starts anew.
	Start func(response []byte) error
	// Send is told what the function says, some of it at a time.
	Send func(text string) error
}

// List runs a function of lists on the head of a view's answer and a request. While it
// waits for a row or for whoever takes what it says its time does not run.
func (p *Program) List(name string, head, req []byte, l List) error {
	return p.rendered("list", []string{"lists", name}, []json.RawMessage{head, req}, &l, func(m *machine, v goja.Value) error {
		result := v.ToObject(m.Runtime)
		return m.say(&l, result.Get("response"), result.Get("text").String())
	})
}

// turn is what a list function does at getRow.
func (m *machine) turn(c goja.FunctionCall) goja.Value {
	l := m.render.list
	err := m.say(l, c.Argument(0), c.Argument(1).String())
	var row []byte
	if err == nil {
		err = m.waiting(func() (err error) {
			row, err = l.Next()
			return err
		})
	}
	if err != nil {
		m.render.err = err
		m.Interrupt(err) // not to be caught
		return goja.Null()
	}
	return m.argument(row)
}

// say hands on what a list function said.
func (m *machine) say(l *List, response goja.Value, text string) error {
	if response != nil && !goja.IsUndefined(response) {
		raw, err := m.json(response)
		if err != nil {
			return err
		}
		if err := m.waiting(func() error { return l.Start(raw) }); err != nil {
			return err
		}
	}
	if text == "" {
		return nil
	}
	return m.waiting(func() error { return l.Send(text) })
}

// waiting does what takes time that is not the function's: its clock stops, and
// runs anew afterwards. What the call has taken of the heap goes on counting.
func (m *machine) waiting(do func() error) error {
	m.end()
	err := do()
	m.watch.Lock()
	m.watch.call--
	m.watch.Unlock()
	m.begin(m.program.limits.Time)
	return err
}
