package js

import (
	"strings"

	"github.com/dop251/goja"
)

// mostAttempts bounds how often a function is looked for behind statements.
const mostAttempts = 64

// compileStatements compiles a source that is no expression, as CouchDB does: statements, and
// behind them a function without a name. Tools that paste code before a function made such.
func compileStatements(source string) *goja.Program {
	const word = "function"
	source = strings.TrimRight(source, "; \t\r\n")
	for at, tries := len(source), 0; tries < mostAttempts; tries++ {
		if at = strings.LastIndex(source[:at], word); at <= 0 {
			return nil
		}
		if _, err := goja.Parse("", "("+source[at:]+"\n)"); err != nil {
			continue // it is not all that is left
		}
		if code, err := goja.Compile("", source[:at]+";\n("+source[at:]+"\n)", false); err == nil {
			return code
		}
	}
	return nil
}
