package search

import (
	"encoding/json"
	"time"
)

// Package is what is known of a package. All of it but what is excepted is stored.
type Package struct {
	Name        string            `json:"n"`
	Version     string            `json:"v"` // the latest
	Description string            `json:"d,omitempty"`
	Keywords    []string          `json:"k,omitempty"`
	Date        time.Time         `json:"t,omitzero"` // when the latest version was published
	Updated     time.Time         `json:"u,omitzero"` // when anything last changed
	Links       map[string]string `json:"l,omitempty"`
	Author      *Person           `json:"a,omitempty"`
	Publisher   Person            `json:"p,omitzero"`
	Maintainers []Person          `json:"m,omitempty"`
	License     string            `json:"c,omitempty"`
	Deprecated  bool              `json:"x,omitempty"`
	Unstable    bool              `json:"y,omitempty"` // below 1.0.0, or a prerelease
	Restricted  bool              `json:"r,omitempty"`
	Tags        map[string]string `json:"g,omitempty"` // dist-tags
	Rev         string            `json:"e,omitempty"` // the document's revision

	Quality      float64  `json:"-"` // 0 to 1
	Stars        int      `json:"-"`
	Dependencies []string `json:"-"`
}

// Person is somebody a package names. npm reads username of maintainers and publishers.
type Person struct {
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"`
	Email    string `json:"email,omitempty"`
	URL      string `json:"url,omitempty"`
}

// The bounds of what is indexed: packuments say what they like, of any length.
const (
	mostDescription = 512
	mostKeywords    = 64
	mostKeyword     = 64
	mostPeople      = 32
	mostDependency  = 1000
	mostTags        = 64
	mostText        = 256
)

// bounded is the package within bounds.
func (p Package) bounded() Package {
	p.Description = cut(p.Description, mostDescription)
	p.License, p.Version = cut(p.License, mostText), cut(p.Version, mostText)
	p.Keywords = append([]string(nil), p.Keywords[:min(len(p.Keywords), mostKeywords)]...)
	for i, k := range p.Keywords {
		p.Keywords[i] = cut(k, mostKeyword)
	}
	p.Maintainers = append([]Person(nil), p.Maintainers[:min(len(p.Maintainers), mostPeople)]...)
	for i := range p.Maintainers {
		p.Maintainers[i] = p.Maintainers[i].bounded()
	}
	if p.Author != nil {
		a := p.Author.bounded()
		p.Author = &a
	}
	p.Publisher = p.Publisher.bounded()
	links := map[string]string{}
	for name, to := range p.Links {
		if len(to) <= 2*mostText {
			links[name] = to
		}
	}
	p.Links = links
	if len(p.Tags) > mostTags {
		p.Tags = map[string]string{"latest": p.Version}
	}
	p.Dependencies = p.Dependencies[:min(len(p.Dependencies), mostDependency)]
	return p
}

func (p Person) bounded() Person {
	return Person{cut(p.Name, mostText), cut(p.Username, mostText), cut(p.Email, mostText), cut(p.URL, 2*mostText)}
}

// cut shortens a text without cutting a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most]
}

func (p *Package) encode() []byte {
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts, times and flags
	}
	return raw
}

// flags are the words of is: and not:.
func (p *Package) flags() (list []string) {
	for word, is := range map[string]bool{"deprecated": p.Deprecated, "unstable": p.Unstable, "restricted": p.Restricted} {
		if is {
			list = append(list, word)
		}
	}
	return list
}
