package main

import (
	"fmt"
	"io"
	"os"
)

// progress tells how far the stages of a command are: in a line drawn again and
// again on a terminal, elsewhere in plain lines, one at each tenth.
type progress struct {
	w        io.Writer
	verb     string // what the command is doing to its stages
	terminal bool
	name     string
	last     int64
	drawn    bool
}

func newProgress(w io.Writer, verb string) *progress {
	p := &progress{w: w, verb: verb}
	if file, ok := w.(*os.File); ok {
		info, err := file.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// width is the bar's: the whole line fits the narrowest usual terminal.
const width = 40

const bar = "########################################"

// of is the function that a stage calls with how much is done.
func (p *progress) of(stage string) func(done, total int64) {
	p.stage(stage)
	return p.tell
}

// stage begins one.
func (p *progress) stage(name string) { p.name, p.last = name, -1 }

// tell tells how much of the stage is done.
func (p *progress) tell(done, total int64) {
	if total <= 0 || p.name == "" {
		return
	}
	percent := min(done, total) * 100 / total
	if !p.terminal {
		percent -= percent % 10
	}
	if percent == p.last {
		return
	}
	p.last = percent
	if !p.terminal {
		fmt.Fprintf(p.w, "%s %s: %d %%\n", p.verb, p.name, percent)
		return
	}
	fmt.Fprintf(p.w, "\r%s %-10s [%-*s] %3d %%", p.verb, p.name, width, bar[:percent*width/100], percent)
	if p.drawn = percent < 100; !p.drawn {
		fmt.Fprintln(p.w)
	}
}

// end closes a line that was not drawn to its end.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprintln(p.w)
		p.drawn = false
	}
}
