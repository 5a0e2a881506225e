package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
)

func version(_ context.Context, args []string, stdout, _ io.Writer) error {
	if err := parse(newFlags("version", "print what this binary is", "  settee version\n", stdout), args, os.LookupEnv); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "settee %s %s %s/%s\n", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// release is the module's version, or the commit that the binary was built from.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "dev"
}
