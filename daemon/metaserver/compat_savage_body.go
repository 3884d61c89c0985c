package metaserver

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
)

// readBody reads and parses the body of an endpoint that has one. The
// original does so before it looks at credentials.
func (c *call) readBody(e *endpoint) (validation.Body, error) {
	if e.body == validation.NoBody {
		return validation.Body{}, nil
	}
	most := e.maxBody
	if most == 0 {
		most = maxFaceBody
	}
	text, err := c.bytes(most)
	if err != nil {
		return validation.Body{}, err
	}
	body, err := validation.ParseBody(e.body, c.r.Header.Get("Content-Type"), text)
	if syntax, ok := errors.AsType[*validation.SyntaxError](err); ok {
		return body, syntax.Entries()
	}
	if err != nil {
		return body, refuse(http.StatusBadRequest, textUnreadable)
	}
	return body, nil
}

const textUnreadable = "There was an error parsing the body"

// bytes reads the body, of at most so many bytes.
func (c *call) bytes(most int64) ([]byte, error) {
	tooLarge := refuse(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	n := c.r.ContentLength
	switch {
	case n == 0:
		return nil, nil
	case n > most:
		return nil, tooLarge
	case n > 0: // in one piece, without growing
		text := make([]byte, n)
		if _, err := io.ReadFull(c.r.Body, text); err != nil {
			return nil, refuse(http.StatusBadRequest, textUnreadable)
		}
		// The end must be seen for the connection to be used again.
		_, _ = c.r.Body.Read(make([]byte, 1))
		return text, nil
	}
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(patience)) // only a recorder in a test cannot
	text, err := io.ReadAll(io.LimitReader(c.r.Body, most+1))
	switch {
	case err != nil:
		return nil, refuse(http.StatusBadRequest, textUnreadable)
	case int64(len(text)) > most:
		return nil, tooLarge
	}
	return text, nil
}
