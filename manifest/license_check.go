package manifest

import "strings"

// checkLicense looks at what may stand in license: an SPDX expression, UNLICENSED, or a file.
func checkLicense(f *findings, p *Package, name string) {
	text, ok := p.of(name).(string)
	if !ok {
		o := p.object(name)
		text, _ = o["type"].(string)
		f.advise("license-form", name, "license is an object, which clients read no more: write \"license\": %q", text)
	}
	if file, found := strings.CutPrefix(text, "SEE LICENSE IN "); found && strings.TrimSpace(file) != "" || text == "UNLICENSED" {
		return
	}
	_, advice, err := ParseLicense(text)
	switch {
	case err != nil:
		f.advise("license-invalid", name, "license %q is no SPDX expression: %s", text, err)
	case advice != "":
		f.advise("license-form", name, "license: %s", advice)
	}
}

func checkLicenses(f *findings, p *Package, name string) {
	if p.of("license") == nil {
		f.advise("license-form", name, "licenses is read no more: write \"license\", with OR between several")
	}
}

// License is the licence that the package says, in one text; "" if it says none.
func (p *Package) License() string {
	switch v := p.of("license").(type) {
	case string:
		return v
	case map[string]any:
		text, _ := v["type"].(string)
		return text
	}
	list, _ := p.of("licenses").([]any)
	var several []string
	for _, each := range list {
		switch v := each.(type) {
		case string:
			several = append(several, v)
		case map[string]any:
			if text, _ := v["type"].(string); text != "" {
				several = append(several, text)
			}
		}
	}
	return strings.Join(several, " OR ")
}
