package upstream

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound says that the registry asked has no such package, or that none is to be asked.
	ErrNotFound = errors.New("no other registry has it")
	// ErrUnavailable says that the registry that may have it does not give it now.
	ErrUnavailable = errors.New("the upstream registry does not answer as it should")
	// ErrLoop says that a request has been here before: registries ask each other in a circle.
	ErrLoop = errors.New("this request came back to where it began: registries read through to each other in a circle")

	errDenied   = fmt.Errorf("it refuses to say: %w", ErrNotFound) // to who knows nothing of the package the same
	errResting  = errors.New("it failed too often, and is left alone for a while")
	errTooSlow  = errors.New("the answer comes too slowly")
	errStalled  = errors.New("no byte came in time")
	errTooLarge = errors.New("the answer is too large")
)

// statusError is an answer that is no success and no absence.
type statusError struct{ status string }

func (e *statusError) Error() string { return "it answered " + e.status }
