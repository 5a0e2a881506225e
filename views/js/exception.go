package js

import (
	"errors"

	"github.com/dop251/goja"
)

// Exception is what a function threw, in the words that CouchDB reports it.
type Exception struct {
	Name   string // of the error's class, or its member "error"
	Reason string
	// Said is set where the function chose the words: ["error", name, reason], or an
	// object with error and reason.
	Said bool
	// Thrown is the JSON of what was thrown where that was no error of JavaScript's.
	Thrown []byte
}

func (e *Exception) Error() string { return e.Name + ": " + e.Reason }

// thrown turns what a function threw into an Exception.
func (m *machine) thrown(err error) error {
	var overflow *goja.StackOverflowError
	if errors.As(err, &overflow) {
		return &Exception{Name: "InternalError", Reason: "stack overflow"}
	}
	var exception *goja.Exception
	if m.broken || !errors.As(err, &exception) {
		return err
	}
	return m.exception(exception.Value())
}

// exception reads what was thrown; its members may be getters, and those may do anything.
func (m *machine) exception(v goja.Value) error {
	e := &Exception{Name: "unnamed_error", Reason: v.String()}
	object, isObject := v.(*goja.Object)
	_ = m.guard(tick, func() error {
		if isObject && m.named(object, e) {
			return nil
		}
		if thrown := m.Try(func() { e.Thrown = m.appendJSON(nil, v, 0) }); thrown != nil {
			return thrown
		}
		if isObject && !e.Said {
			e.Reason = string(e.Thrown)
		}
		return nil
	})
	return e
}

// named reads the words that an object brings, and reports whether those are all
// there is to tell.
func (m *machine) named(object *goja.Object, e *Exception) bool {
	if object.ClassName() == "Array" {
		if kind := object.Get("0"); kind != nil && (kind.String() == "error" || kind.String() == "fatal") {
			e.Name, e.Reason, e.Said = text(object.Get("1")), text(object.Get("2")), true
			return true
		}
		return false
	}
	if name, reason := object.Get("error"), object.Get("reason"); name != nil && reason != nil {
		e.Name, e.Reason, e.Said = name.String(), reason.String(), true
		return false
	}
	if name, message := object.Get("name"), object.Get("message"); name != nil && message != nil {
		e.Name, e.Reason = name.String(), message.String()
		return true
	}
	return false
}

func text(v goja.Value) string {
	if v == nil {
		return "undefined"
	}
	return v.String()
}
