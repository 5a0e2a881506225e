package auth

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// commonWords are what people begin passwords with, one a line. We wrote them down: words that
// mean a password, keys in a row, names, animals, teams, months, the words of this trade. The
// rules of common make of them what attackers try first, some millions: each word as it
// is, doubled, in any case, with digits for letters, and with years, numbers and signs around it.
//
//go:embed common_words.txt
var commonWords string

// wordSet is made when the first password is chosen; it takes some 60 kB.
var wordSet = sync.OnceValue(func() map[string]struct{} {
	set := map[string]struct{}{}
	for word := range strings.FieldsSeq(commonWords) {
		set[word] = struct{}{}
	}
	return set
})

const (
	// fewRunes is fewer different characters than a password can have.
	fewRunes = 4
	// digitsBound is how many digits alone are too few: dates and telephone numbers are shorter.
	digitsBound = 14
	// garnish is how much around a word changes nothing: a year and two signs.
	garnish = 6
)

// leet are the letters that digits and signs stand for. "1" and "!" stand for two.
var leet = []*strings.Replacer{
	strings.NewReplacer(),
	strings.NewReplacer("0", "o", "1", "i", "!", "i", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "+", "t", "8", "b", "9", "g", "2", "z"),
	strings.NewReplacer("0", "o", "1", "l", "!", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "+", "t", "8", "b", "9", "g", "2", "z"),
}

// common reports whether a password is among those that are tried first.
func common(password string) bool {
	p := strings.ToLower(password)
	digits := strings.Trim(p, "0123456789-/. ") == ""
	if distinct(p) < fewRunes || walk(p) || digits && len(p) < digitsBound {
		return true
	}
	for _, spelt := range leet {
		if ordinary(spelt, p) {
			return true
		}
	}
	return false
}

// ordinary reports whether a password is a word, or one doubled, and little around it.
func ordinary(spelt *strings.Replacer, p string) bool {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, core := range []string{strings.TrimFunc(p, notLetter), strings.TrimRight(p, "0123456789!?.*#$@ -_"), strings.TrimLeft(p, "0123456789!?.*#$@ -_"), p} {
		if around := strings.Replace(p, core, "", 1); len(around) > garnish && !walk(around) {
			continue
		}
		word := spelt.Replace(core)
		half := len(word) / 2
		_, known := wordSet()[word]
		_, doubled := wordSet()[word[:half]]
		if known || doubled && word[:half] == word[half:] {
			return true
		}
	}
	return false
}

func distinct(p string) int {
	seen := map[rune]struct{}{}
	for _, r := range p {
		seen[r] = struct{}{}
	}
	return len(seen)
}

// keyboards are the rows of keys, of three countries.
var keyboards = []string{"1234567890 qwertyuiop asdfghjkl zxcvbnm", "1234567890 qwertzuiop asdfghjkl yxcvbnm", "1234567890 azertyuiop qsdfghjklm wxcvbn"}

// places are where keys lie on each keyboard.
var places = sync.OnceValue(func() []map[rune][2]int {
	var all []map[rune][2]int
	for _, board := range keyboards {
		at := map[rune][2]int{}
		for row, keys := range strings.Split(board, " ") {
			for column, key := range keys {
				at[key] = [2]int{row, column}
			}
		}
		all = append(all, at)
	}
	return all
})

// walk reports whether a finger hardly leaves the keyboard between characters, or they count
// up or down: qwertyuiop, 1q2w3e4r, 87654321, abcdefgh. One leap in four characters is a new row.
func walk(p string) bool {
	n := utf8.RuneCountInString(p)
	for _, at := range places() {
		leaps, last := 0, rune(-1)
		for _, r := range p {
			if last >= 0 && !near(at, last, r) {
				leaps++
			}
			last = r
		}
		if n > 1 && leaps <= (n-1)/4 {
			return true
		}
	}
	return false
}

func near(at map[rune][2]int, a, b rune) bool {
	if a-b <= 1 && b-a <= 1 {
		return true
	}
	p, known := at[a]
	q, too := at[b]
	rows, columns := p[0]-q[0], p[1]-q[1]
	return known && too && rows >= -1 && rows <= 1 && columns >= -1 && columns <= 1
}
