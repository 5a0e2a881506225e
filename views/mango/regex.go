package mango

import (
	"errors"
	"regexp"
	"regexp/syntax"
)

// longestPattern is PCRE's limit of a compiled pattern, roughly.
const longestPattern = 1 << 16

// work is how many steps one value may cost: states of the pattern times bytes of the
// text. It is a second or two at the worst, and a pattern of 16 states still sees 8 MB of text.
const work = 1 << 27

// pattern is $regex.
type pattern struct {
	*regexp.Regexp
	longest int // text it is tried on
}

func newPattern(arg []byte) (matcher, error) {
	source, _ := decode(arg)
	if len(source) > longestPattern {
		return nil, badArgument("$regex", arg)
	}
	tree, err := syntax.Parse(string(source), syntax.Perl)
	if err != nil {
		return nil, refusal(err, arg)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, refusal(err, arg)
	}
	re, err := regexp.Compile(string(source))
	if err != nil {
		return nil, refusal(err, arg)
	}
	return pattern{re, work / max(1, len(program.Inst))}, nil
}

// backtracking are the complaints about what PCRE knows and RE2 does not.
var backtracking = map[syntax.ErrorCode]bool{
	syntax.ErrInvalidPerlOp: true, syntax.ErrInvalidEscape: true, syntax.ErrInvalidRepeatOp: true,
	syntax.ErrInvalidRepeatSize: true, syntax.ErrLarge: true,
}

// refusal tells a pattern that is wrong from one that is not supported.
func refusal(err error, arg []byte) error {
	var s *syntax.Error
	if errors.As(err, &s) && backtracking[s.Code] {
		return &Error{"not_supported", "Unsupported regular expression (RE2 syntax is): " + s.Code.String() + ": " + s.Expr}
	}
	return badArgument("$regex", arg)
}

func (p pattern) match(value []byte) bool {
	s, ok := decode(value)
	return ok && len(s) <= p.longest && p.Match(s)
}
