package mango

import (
	"regexp"
	"regexp/syntax"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// longestPattern is PCRE's limit of a compiled pattern, roughly.
const longestPattern = 1 << 16

// work is how many steps one value may cost: states of the pattern times bytes of the
// text. It is a second or two at the worst, and a pattern of 16 states still sees 8 MB of text.
const work = 1 << 27

// backtracking is how long a pattern that RE2 does not know may try one value: some
// millions of steps, where PCRE's limit is ten million.
const backtracking = 200 * time.Millisecond

// newPattern is $regex: by RE2, which takes time in proportion to the text, or where the pattern
// looks around or back, as ^(?!_design/) does, by a backtracking engine.
func newPattern(arg []byte) (matcher, error) {
	source, _ := decode(arg)
	if len(source) > longestPattern {
		return nil, badArgument("$regex", arg)
	}
	if re, err := regexp.Compile(string(source)); err == nil {
		return pattern{re, work / states(string(source))}, nil
	}
	re, err := regexp2.Compile(string(source), regexp2.RE2)
	if err != nil {
		return nil, badArgument("$regex", arg)
	}
	re.MatchTimeout = backtracking
	return backtracker{re}, nil
}

// states is the size of a pattern's program.
func states(source string) int {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return 1
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 1
	}
	return max(1, len(program.Inst))
}

type pattern struct {
	*regexp.Regexp
	longest int // text it is tried on
}

func (p pattern) match(value []byte) bool {
	s, ok := decode(value)
	return ok && len(s) <= p.longest && p.Match(s)
}

type backtracker struct{ *regexp2.Regexp }

// match: what takes too long or too much memory does not match, as with PCRE.
func (b backtracker) match(value []byte) bool {
	s, ok := decode(value)
	if !ok {
		return false
	}
	matches, err := b.MatchString(string(s))
	return matches && err == nil
}
