package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// newFlags is a command's flag set, which explains itself with the examples.
func newFlags(name, summary, examples string, stdout io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // mistakes are printed once, by run
	fs.Usage = func() {
		fmt.Fprintf(stdout, "settee %s: %s\n\nExamples:\n%s", name, summary, examples)
		heading, end := "\nFlags:\n", ""
		fs.VisitAll(func(f *flag.Flag) {
			fmt.Fprint(stdout, heading)
			heading, end = "", "\nEach flag is also an environment variable: --public-url is SETTEE_PUBLIC_URL.\n"
			value, meaning := flag.UnquoteUsage(f)
			fmt.Fprintf(stdout, "  --%s\n        %s", strings.TrimSpace(f.Name+" "+value), meaning)
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
				fmt.Fprintf(stdout, " (default %s)", f.DefValue)
			}
			fmt.Fprintln(stdout)
		})
		fmt.Fprint(stdout, end)
	}
	return fs
}

// parse fills the flags from the command line, then those that it left out from
// the environment, then from the file that --config names.
func parse(fs *flag.FlagSet, args []string, env func(string) (string, bool)) error {
	wording(fs)
	if err := fs.Parse(args); err != nil {
		return misread(fs, err)
	}
	if fs.NArg() > 0 {
		return usageError{fmt.Errorf("%s takes no %q: settee %[1]s --help lists the flags", fs.Name(), fs.Arg(0))}
	}
	if err := fromEnvironment(fs, env); err != nil {
		return usageError{err}
	}
	if err := fromFile(fs); err != nil {
		return usageError{err}
	}
	return nil
}

// worded is a flag's value that says what it wants, where package flag says "parse error".
type worded struct {
	flag.Value
	want string
}

// Set implements flag.Value.
func (w worded) Set(text string) error {
	if w.Value.Set(text) != nil {
		return errors.New("want " + w.want)
	}
	return nil
}

// wording has times and numbers say what they want.
func wording(fs *flag.FlagSet) {
	fs.VisitAll(func(f *flag.Flag) {
		got, ok := f.Value.(flag.Getter)
		if !ok {
			return
		}
		switch got.Get().(type) {
		case time.Duration:
			f.Value = worded{f.Value, "a time like 20s, 5m or 72h"}
		case int, int64:
			f.Value = worded{f.Value, "a whole number"}
		}
	})
}

// misread is the error for flags that could not be read, or that asked for help and got it.
func misread(fs *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError{fmt.Errorf("%w: settee %s --help lists the flags", err, fs.Name())}
}

func fromEnvironment(fs *flag.FlagSet, env func(string) (string, bool)) error {
	set, errs := given(fs), []error(nil)
	fs.VisitAll(func(f *flag.Flag) {
		name := "SETTEE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := env(name); ok && !set[f.Name] {
			if err := fs.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	return errors.Join(errs...)
}

func fromFile(fs *flag.FlagSet) error {
	config := fs.Lookup("config")
	if config == nil || config.Value.String() == "" {
		return nil
	}
	file := config.Value.String()
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read --config: %w", err)
	}
	var settings yaml.MapSlice
	if err := yaml.Unmarshal(raw, &settings); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	set := given(fs)
	for _, s := range settings {
		name := fmt.Sprint(s.Key)
		if fs.Lookup(name) == nil || name == "config" {
			return fmt.Errorf("%s: there is no setting %q: settee %s --help lists them", file, name, fs.Name())
		}
		values, ok := valuesOf(s.Value, fs.Lookup(name))
		if !ok {
			return fmt.Errorf("%s: %s wants one value", file, name)
		}
		if set[name] {
			continue
		}
		for _, value := range values {
			if err := fs.Set(name, fmt.Sprint(value)); err != nil {
				return fmt.Errorf("%s: %s: %w", file, name, err)
			}
		}
	}
	return nil
}

// valuesOf are a setting's values: one, or those of a list where the flag may be given again.
func valuesOf(value any, f *flag.Flag) ([]any, bool) {
	switch v := value.(type) {
	case nil, yaml.MapSlice, map[string]any:
		return nil, false
	case []any:
		_, again := f.Value.(*many)
		for _, one := range v {
			_, text := one.(string)
			again = again && text
		}
		return v, again
	}
	return []any{value}, true
}

// given are the flags that have been set so far.
func given(fs *flag.FlagSet) map[string]bool {
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	return set
}
