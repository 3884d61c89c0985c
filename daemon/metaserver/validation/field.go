package validation

import "slices"

// Field is one value of an Input. Its methods return the zero value, and list
// what is wrong, when it is not what is asked for.
type Field struct {
	in     *Input
	parent *Field // nil at the top
	root   string // "body", "query" or "path"; at the top
	key    any    // name, or index of a list
	state  state
	value  value
	all    []string // of a query parameter
	model  bool     // null is named as such
	bad    bool     // it or something in it is listed
}

type state uint8

const (
	absent  state = iota
	present       // perhaps null
	broken        // listed as wrong already
)

// loc is the place of the field.
func (f *Field) loc() []any {
	if f.parent == nil {
		return []any{f.root, f.key}
	}
	return append(f.parent.loc(), f.key)
}

// find makes f the member of an object.
func (f *Field) find(object value, name string) {
	if v, ok := object.get(name); ok {
		f.state, f.value = present, v
	}
}

// fail lists failures and makes the field broken.
func (f *Field) fail(failures Failures) {
	f.in.add(f.loc(), failures)
	f.state = broken
	for p := f; p != nil; p = p.parent {
		p.bad = true
	}
}

// Fail lists what a rule outside of this package found wrong with the field.
func (f *Field) Fail(failures Failures) { f.fail(failures) }

// Given reports whether the field is there and is not null.
func (f *Field) Given() bool { return f.state == present && f.value.kind != kindNull }

// Null reports whether the field is there and is null.
func (f *Field) Null() bool { return f.state == present && f.value.kind == kindNull }

// Broken reports whether something was found wrong with the field, or with
// something in it that was looked at.
func (f *Field) Broken() bool { return f.bad || f.state == broken }

// need reports whether the field is there.
func (f *Field) need() bool {
	switch {
	case f.state == broken:
		return false
	case f.state == absent || f.value.kind == kindNull && !f.model:
		f.fail(missing())
		return false
	case f.value.kind == kindNull:
		f.fail(none())
		return false
	}
	return true
}

// Int reads an integer of 64 bits.
func (f *Field) Int(rules ...IntRule) int64 {
	if !f.need() {
		return 0
	}
	n, ok := f.value.int()
	if !ok {
		f.fail(notInt())
		return 0
	}
	for _, rule := range rules {
		if failures := rule(n); len(failures) > 0 {
			f.fail(failures)
			return 0
		}
	}
	return n
}

// Ints reads all values of a query parameter, at least one and at most high.
func (f *Field) Ints(high int) []int64 {
	if !f.need() {
		return nil
	}
	if failures := Items(1, high)(make([]value, len(f.all))); len(failures) > 0 {
		f.fail(failures)
		return nil
	}
	list := make([]int64, 0, len(f.all))
	for i, s := range f.all {
		n, ok := parseInt(s)
		if !ok {
			f.in.add(append(f.loc(), i), notInt())
			f.state, f.bad = broken, true
			continue
		}
		list = append(list, n)
	}
	if f.state == broken {
		return nil
	}
	return list
}

// Text reads a text, or a number as one.
func (f *Field) Text(rules ...TextRule) string {
	if !f.need() {
		return ""
	}
	s, ok := f.value.string()
	if !ok {
		f.fail(NotText())
		return ""
	}
	for _, rule := range rules {
		var failures Failures
		if s, failures = rule(s); len(failures) > 0 {
			f.fail(failures)
			return ""
		}
	}
	return s
}

// IsText reports whether the field is a text and not a number in place of one.
func (f *Field) IsText() bool { return f.state == present && f.value.kind == kindText }

// Bool reads a truth value.
func (f *Field) Bool() bool {
	if !f.need() {
		return false
	}
	v, ok := f.value.bool()
	if !ok {
		f.fail(notBool())
	}
	return v
}

// Enum reads one of the texts.
func (f *Field) Enum(permitted ...string) string {
	if !f.need() {
		return ""
	}
	if f.value.kind != kindText || !slices.Contains(permitted, f.value.text) {
		f.fail(notMember(permitted))
		return ""
	}
	return f.value.text
}

// List reads a list and returns its items; none when a rule fails.
func (f *Field) List(rules ...ListRule) []*Field {
	if !f.need() {
		return nil
	}
	if f.value.kind != kindList {
		f.fail(notList())
		return nil
	}
	for _, rule := range rules {
		if failures := rule(f.value.items); len(failures) > 0 {
			f.fail(failures)
			return nil
		}
	}
	items := make([]*Field, len(f.value.items))
	for i, v := range f.value.items {
		items[i] = &Field{in: f.in, parent: f, key: i, state: present, value: v, model: f.model}
	}
	return items
}

// Object demands that the field is an object. Call it before Field.
func (f *Field) Object() bool {
	if !f.need() {
		return false
	}
	if f.value.kind != kindObject {
		f.fail(notObject())
		return false
	}
	return true
}

// Field returns a member of an object. That of something else is broken.
func (f *Field) Field(name string) *Field {
	member := &Field{in: f.in, parent: f, key: name, state: absent, model: f.model}
	if f.state != present || f.value.kind != kindObject {
		member.state = broken
		return member
	}
	member.find(f.value, name)
	return member
}
