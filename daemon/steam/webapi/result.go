package webapi

// The results (Steam EResult) that mean something for a Workshop item.
const (
	ResultNone         = 0 // Steam said nothing usable about the id
	ResultOK           = 1
	ResultBadParameter = 8
	ResultFileNotFound = 9
	ResultAccessDenied = 15
	ResultBanned       = 17
	ResultRateLimited  = 84
)

// Class says what to do with a result.
type Class uint8

// The classes. Transient is the zero value: what is unknown may change.
const (
	Transient    Class = iota // ask again later
	Usable                    // the details are valid
	Gone                      // no such item
	Denied                    // the item exists but is not for us: private or banned
	BadParameter              // Steam rejects the id itself
	RateLimited               // Steam wants fewer calls
)

var classNames = [...]string{"transient", "usable", "gone", "denied", "bad-parameter", "rate-limited"}

// String returns the name for logs and metrics.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return classNames[Transient]
}

// Classify sorts a result (Steam EResult). Every value that is not known to
// be final is Transient.
func Classify(result int) Class {
	switch result {
	case ResultOK:
		return Usable
	case ResultFileNotFound:
		return Gone
	case ResultAccessDenied, ResultBanned:
		return Denied
	case ResultBadParameter:
		return BadParameter
	case ResultRateLimited:
		return RateLimited
	}
	return Transient
}
