package workshop

import (
	"net/http"
)

// answer is one of the things a game client can be told. Statuses and reason
// texts are those of the NS2 Workshop Backup Server, which existing clients
// and people know; what is ours is marked.
type answer uint8

const (
	answerServed      answer = iota // 200, 206, 304: the file
	answerMethod                    // 405; the original said 501
	answerFormat                    // not a name of a version
	answerNotServing                // refused by allow or deny
	answerZipping                   // a folder is being packed
	answerDownloading               // come back later
	answerNoSuchMod                 // Steam says so
	answerWrongApp                  // belongs to another game
	answerOldVersion                // not the current version and not stored
	answerVanished                  // the file went away under our hands
	answerNotFetched                // ours: every attempt failed
	answerNoSource                  // ours: no configured source has it
	answerNotCached                 // ours: only-if-cached and not stored (RFC 9111 §5.2.1.7)
	answerTooMany                   // ours: the abuse limiter
	answerCount
)

var answers = [answerCount]struct {
	status int
	reason string
}{
	answerServed:      {http.StatusOK, "OK"},
	answerMethod:      {http.StatusMethodNotAllowed, "Method Not Allowed"},
	answerFormat:      {http.StatusNotFound, "Request not on the correct format"},
	answerNotServing:  {http.StatusForbidden, "Denied - not serving that mod"},
	answerZipping:     {http.StatusAccepted, "Found mod folder, zipping it up now"},
	answerDownloading: {http.StatusAccepted, "Downloading"},
	answerNoSuchMod:   {http.StatusNotFound, "Denied - no such mod"},
	answerWrongApp:    {http.StatusForbidden, "Denied - wrong app_id"},
	answerOldVersion:  {http.StatusNotFound, "Denied - old version and not backed up"},
	answerVanished:    {http.StatusNotFound, "File not found"},
	answerNotFetched:  {http.StatusNotFound, "Denied - could not be fetched"},
	answerNoSource:    {http.StatusNotFound, "Denied - no source can supply this item"},
	answerNotCached:   {http.StatusGatewayTimeout, "Not stored here"},
	answerTooMany:     {http.StatusTooManyRequests, "Too many requests for mods that are not here"},
}

func (a answer) status() int    { return answers[a].status }
func (a answer) reason() string { return answers[a].reason }

// answerOf returns the answer whose reason text a denied job carries.
func answerOf(reason string) answer {
	for a, t := range answers {
		if t.reason == reason {
			return answer(a)
		}
	}
	return answerNotFetched
}

// waiting reports whether the client is asked to come back.
func (a answer) waiting() bool {
	return a == answerZipping || a == answerDownloading
}
