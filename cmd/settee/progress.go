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
	terminal bool
}

func newProgress(w io.Writer) *progress {
	file, ok := w.(*os.File)
	if !ok {
		return &progress{w: w}
	}
	info, err := file.Stat()
	return &progress{w, err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// width is the bar's: the whole line fits the narrowest usual terminal.
const width = 40

// of is the function that a stage calls with how much is done.
func (p *progress) of(stage string) func(done, total int64) {
	last := int64(-1)
	return func(done, total int64) {
		if total <= 0 {
			return
		}
		percent := min(done, total) * 100 / total
		if !p.terminal {
			percent -= percent % 10
		}
		if percent == last {
			return
		}
		last = percent
		if !p.terminal {
			fmt.Fprintf(p.w, "checking %s: %d %%\n", stage, percent)
			return
		}
		fmt.Fprintf(p.w, "\rchecking %-10s [%-*s] %3d %%", stage, width, bar[:percent*width/100], percent)
		if percent == 100 {
			fmt.Fprintln(p.w)
		}
	}
}

const bar = "########################################"
