package mango

// Projection cuts fields out of documents. It is safe for concurrent use.
type Projection struct {
	paths []path // none: everything
}

// Fields reads a list of fields, each a path as in a selector. Of an empty list comes
// a projection that leaves documents whole. Its errors are *Error.
func Fields(list []byte) (*Projection, error) {
	raw, err := foreign(list)
	if err != nil {
		return nil, err
	}
	if kind(raw) != array {
		return nil, &Error{"invalid_fields", "Fields must be an array of strings, not: " + term(raw)}
	}
	p := &Projection{}
	for m := in(raw); m.next(); {
		name, ok := decode(m.value)
		if !ok {
			return nil, &Error{"invalid_field", "Invalid JSON for field spec: " + term(m.value)}
		}
		if len(name) == 0 {
			return nil, &Error{"invalid_field_name", "Invalid field name: "}
		}
		steps, err := parsePath(string(name))
		if err != nil {
			return nil, err
		}
		p.paths = append(p.paths, steps)
	}
	return p, nil
}

// Whole reports whether documents are left whole.
func (p *Projection) Whole() bool { return len(p.paths) == 0 }

// Apply gives a document of the fields alone, in the order of the list; those it does not
// have are left out. An array's element becomes a member under its number.
func (p *Projection) Apply(doc []byte) []byte {
	if p.Whole() {
		return doc
	}
	return p.Append(nil, doc)
}

// Append is Apply into a buffer.
func (p *Projection) Append(dst, doc []byte) []byte {
	if p.Whole() {
		return append(dst, doc...)
	}
	doc = trim(doc)
	root := &branch{}
	for _, steps := range p.paths {
		if value, found := lookUp(doc, steps); found == here {
			root.set(steps, value)
		}
	}
	return root.append(dst)
}

// branch is one object of the result, or a value copied whole.
type branch struct {
	name  string
	value []byte
	under []*branch
}

// set puts a value at a path. What is there whole already holds the value.
func (b *branch) set(p path, value []byte) {
	for _, s := range p {
		if b.value != nil {
			return
		}
		b = b.at(s.name)
	}
	b.value = value
}

func (b *branch) at(name string) *branch {
	for _, u := range b.under {
		if u.name == name {
			return u
		}
	}
	u := &branch{name: name}
	b.under = append(b.under, u)
	return u
}

func (b *branch) append(dst []byte) []byte {
	if b.value != nil {
		return append(dst, b.value...)
	}
	dst = append(dst, '{')
	for i, u := range b.under {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, u.name), ':')
		dst = u.append(dst)
	}
	return append(dst, '}')
}
