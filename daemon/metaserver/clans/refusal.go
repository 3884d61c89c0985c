package clans

import "github.com/quartermasterd/quartermaster/daemon/fault"

// Reason says why an action was refused, so that a foreign wire can answer in
// its own words.
type Reason uint8

// Reasons.
const (
	NoClan          Reason = iota + 1 // there is no such clan
	NotMember                         // the caller is no member, or there is no such clan
	RankTooLow                        // the caller's rank does not allow it
	TargetNotMember                   // the other is no member, or not invited either
	TargetProtected                   // owners and admins are not kicked
	NotOutranked                      // the other's rank is not below the caller's
	RankTooHigh                       // the new rank is above the caller's
	NoPlayer                          // there is no such account, or it is closed
	AlreadyRelated                    // invited already, or a member
	AlreadyMember
	WasDeclined
	WasRetracted
	HasLeft
	WasKicked
	NotInvited
	TagTaken
	NameTaken
	LastOwner // somebody else has to be made an owner first
	Full      // the clan has as many members and invitations as it can
	TooMany   // the account has founded as many clans as it may
)

// Refusal is an action that was refused. It unwraps to a fault.
type Refusal struct {
	Reason Reason
	fault  *fault.Error
}

// Error returns the public text.
func (r *Refusal) Error() string { return r.fault.Error() }

// Unwrap returns the fault.
func (r *Refusal) Unwrap() error { return r.fault }

// words says what each refusal is to people.
func (r Reason) words() (fault.Kind, string) {
	switch r {
	case NoClan:
		return fault.NotFound, "There is no such clan"
	case NotMember:
		return fault.Forbidden, "You are not a member of this clan"
	case RankTooLow:
		return fault.Forbidden, "Your rank in the clan does not allow this"
	case TargetNotMember:
		return fault.NotFound, "This player is not in the clan"
	case TargetProtected:
		return fault.Forbidden, "Owners and admins cannot be kicked; give them a lower rank first"
	case NotOutranked:
		return fault.Forbidden, "You can change only ranks below your own"
	case RankTooHigh:
		return fault.Forbidden, "You cannot give a rank above your own"
	case NoPlayer:
		return fault.NotFound, "There is no such player"
	case AlreadyRelated:
		return fault.Conflict, "This player is a member or invited already"
	case AlreadyMember:
		return fault.Conflict, "You are a member of this clan already"
	case WasDeclined:
		return fault.Conflict, "You declined this invitation"
	case WasRetracted:
		return fault.Conflict, "This invitation was retracted"
	case HasLeft:
		return fault.Conflict, "You left this clan and were not invited again"
	case WasKicked:
		return fault.Conflict, "You were kicked from this clan and not invited again"
	}
	return r.moreWords()
}

func (r Reason) moreWords() (fault.Kind, string) {
	switch r {
	case NotInvited:
		return fault.NotFound, "You are not invited to this clan"
	case TagTaken:
		return fault.Conflict, "This clan tag, or one that looks the same, is taken"
	case NameTaken:
		return fault.Conflict, "This clan name, or one that looks the same, is taken"
	case LastOwner:
		return fault.Conflict, "The clan has no other owner; make somebody an owner, or disband it"
	case Full:
		return fault.Conflict, "The clan has as many members and invitations as it can have"
	case TooMany:
		return fault.Conflict, "You have founded as many clans as one player may"
	}
	return fault.Internal, "refused for an unknown reason"
}

// refuse returns the error of a refused action.
func refuse(r Reason) error {
	kind, text := r.words()
	return &Refusal{r, fault.New(kind, "%s", text)}
}
