package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// figure is what one line tells: of timed requests, or values measured otherwise.
type figure struct {
	name string
	load
	n      int    // how much work was done; 0: the number of requests
	unit   string // of that work
	values []value
	failed error // there is no figure
}

type value struct {
	v      float64
	unit   string
	digits int
}

// work is how much was done.
func (f *figure) work() int {
	if f.n == 0 && len(f.took) > 0 {
		return len(f.took)
	}
	return f.n
}

// of a quantile of the requests, in milliseconds; took is sorted.
func (f *figure) of(q float64) float64 {
	return f.took[int(q*float64(len(f.took)-1))].Seconds() * 1e3
}

// perWork is the time for one piece of work, all clients together, in nanoseconds.
func (f *figure) perWork() float64 { return float64(f.elapsed.Nanoseconds()) / float64(f.work()) }

// measured are the values of a figure, those of timed requests first.
func (f *figure) measured() []value {
	if len(f.took) == 0 {
		return f.values
	}
	slices.Sort(f.took)
	rate, digits := float64(f.work())/f.elapsed.Seconds(), 0
	if rate < 100 {
		digits = 1
	}
	return append([]value{
		{f.perWork(), "ns/op", 0},
		{rate, f.unit + "/s", digits},
		{f.of(.5), "p50-ms", 3},
		{f.of(.99), "p99-ms", 3},
	}, f.values...)
}

// print writes a line of Go's benchmark format.
func (f *figure) print(w io.Writer, prefix string) error {
	if f.failed != nil {
		return nil // the table tells it
	}
	values := f.measured()
	if len(values) == 0 {
		return errors.New("nothing was done in the time given")
	}
	var line strings.Builder
	fmt.Fprintf(&line, "Benchmark%s%s-%d\t%d", prefix, f.name, runtime.GOMAXPROCS(0), f.work())
	for _, v := range values {
		line.WriteString("\t" + strconv.FormatFloat(v.v, 'f', v.digits, 64) + " " + v.unit)
	}
	_, err := fmt.Fprintln(w, line.String())
	return err
}

// headline is the value that two servers are compared by, and whether more of it is better.
func (f *figure) headline() (v value, more bool) {
	values := f.measured()
	if len(f.took) > 0 {
		return values[1], true
	}
	return values[0], false
}

// join adds a round's figures to those of the rounds before.
func join(rounds, round []figure) []figure {
	if len(rounds) == 0 {
		return round
	}
	for i := range round {
		f := &rounds[i]
		f.n = f.n + round[i].n
		f.elapsed += round[i].elapsed
		f.took = append(f.took, round[i].took...)
	}
	return rounds
}

// comparison is the table of both sides.
type comparison struct{ rows [][4]string }

// add takes the figures of one workload. A rival that failed has one figure that says why.
func (c *comparison) add(here, there []figure, compared bool) {
	if !compared {
		return
	}
	for i, f := range here {
		mine, more := f.headline()
		row := [4]string{f.name, mine.String()}
		switch {
		case len(there) == 1 && there[0].failed != nil:
			row[2] = brief(there[0].failed)
		case i >= len(there):
			continue // only a server of our own can be asked that
		default:
			theirs, _ := there[i].headline()
			row[2] = theirs.String()
			better := mine.v / theirs.v
			if !more {
				better = 1 / better
			}
			row[3] = strconv.FormatFloat(better, 'f', 1, 64) + " x"
		}
		c.rows = append(c.rows, row)
	}
}

// String groups the digits of large numbers.
func (v value) String() string {
	s := strconv.FormatFloat(v.v, 'f', v.digits, 64)
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole + " " + v.unit
}

// brief is an error that fits a cell: the answer where there was one.
func brief(err error) string {
	s := err.Error()
	if e, ok := errors.AsType[*statusError](err); ok {
		s = e.Error()
	}
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "/")
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return s
}

// print writes the table; benchstat passes over its lines.
func (c *comparison) print(w io.Writer, rival interface{ title() string }) error {
	if len(c.rows) == 0 {
		return nil
	}
	rows := append([][4]string{{"work", "settee", rival.title(), "settee is better by"}}, c.rows...)
	var widths [4]int
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var table strings.Builder
	for i, row := range rows {
		if i == 1 {
			fmt.Fprintf(&table, "\n|%s|%s:|%s:|%s:|", strings.Repeat("-", widths[0]+2), strings.Repeat("-", widths[1]+1),
				strings.Repeat("-", widths[2]+1), strings.Repeat("-", widths[3]+1))
		}
		line := fmt.Sprintf("| %-*s | %*s | %*s | %*s |", widths[0], row[0], widths[1], row[1], widths[2], row[2], widths[3], row[3])
		table.WriteString("\n" + line)
	}
	_, err := fmt.Fprintln(w, table.String())
	return err
}
