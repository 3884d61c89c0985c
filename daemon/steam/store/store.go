// Package store asks the Steam store what an app is: its name, its kind, its
// texts and its genres. The call, /api/appdetails, needs no key, is not
// documented, answers for one app at a time and refuses an address that asks
// more than about 200 times in five minutes.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/lenient"
	"github.com/quartermasterd/quartermaster/daemon/steam/paced"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	// DefaultBaseURL is Valve's own store.
	DefaultBaseURL = "https://store.steampowered.com"
	// Spacing is the time between two calls: 150 in five minutes.
	Spacing = 2 * time.Second
	maxBody = 4 << 20 // a long page of an app is below 200 kB
)

// Bounds of texts, in runes.
const (
	maxName        = 256
	maxKind        = 32
	maxShort       = 4_000
	maxDescription = 100_000
	maxGenres      = 64
)

// ErrUnknown is returned when the store does not sell the app, or not in the
// country it was asked for.
var ErrUnknown = errors.New("the Steam store does not describe this app")

// App is what the store says of an app.
type App struct {
	ID   uint32
	Type string // "game", "dlc", "demo", …; empty when not stated
	Name string // never empty
	// Logo is the http or https address of the header image, or empty.
	Logo             string
	ShortDescription string
	Description      string // HTML, as the store has it
	// Genres in the store's order; nil when the answer had none.
	Genres []Genre
}

// Genre is one of the store's genres.
type Genre struct {
	ID   uint32
	Name string
}

// Options configures a Client. The zero value is usable.
type Options struct {
	BaseURL   string // empty means DefaultBaseURL
	Country   string // two letters, whose store is asked; empty: that of our address
	Language  string // as the store names it; empty means "english"
	HTTP      *http.Client
	Now       func() time.Time
	UserAgent string        // empty means "quartermaster"
	Spacing   time.Duration // between two calls; 0 means Spacing, less than 0 none
}

// Client asks the store. It is safe for concurrent use; calls wait for their
// turn.
type Client struct {
	paced   *paced.Client
	options Options
}

// New returns a Client. It makes no call.
func New(o Options) *Client {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.Language == "" {
		o.Language = "english"
	}
	if o.UserAgent == "" {
		o.UserAgent = "quartermaster"
	}
	if o.Spacing == 0 {
		o.Spacing = Spacing
	}
	return &Client{options: o, paced: paced.New(paced.Options{
		BaseURL: o.BaseURL, Spacing: o.Spacing, MaxBody: maxBody, Accept: "application/json",
		UserAgent: o.UserAgent, HTTP: o.HTTP, Now: o.Now,
	})}
}

// State returns how the last calls went.
func (c *Client) State() paced.State { return c.paced.State() }

// App asks about one app. It is ErrUnknown when the store answers that it has
// none; the other errors are those of paced.Client.Get and mean that nothing
// was learnt.
func (c *Client) App(ctx context.Context, id uint32) (App, error) {
	query := url.Values{"appids": {strconv.FormatUint(uint64(id), 10)}, "l": {c.options.Language}}
	if c.options.Country != "" {
		query.Set("cc", c.options.Country)
	}
	var app App
	err := c.paced.Get(ctx, "/api/appdetails", query, func(body []byte) (err error) {
		app, err = decode(body, id)
		return err
	})
	if err != nil {
		return App{}, err
	}
	return app, nil
}

// decode reads the answer for one app. A body of null, which the store also
// sends to those who ask too often, is webapi.ErrNonsense.
func decode(body []byte, id uint32) (App, error) {
	var answers map[string]json.RawMessage
	if err := json.Unmarshal(body, &answers); err != nil {
		return App{}, fmt.Errorf("%w: no answer of the store", webapi.ErrNonsense)
	}
	raw, ok := answers[strconv.FormatUint(uint64(id), 10)]
	if !ok {
		return App{}, fmt.Errorf("%w: the store left the app out", webapi.ErrNonsense)
	}
	var answer struct {
		Success lenient.Truth `json:"success"`
		Data    struct {
			Type        lenient.Text  `json:"type"`
			Name        lenient.Text  `json:"name"`
			Image       lenient.Text  `json:"header_image"`
			Short       lenient.Text  `json:"short_description"`
			Description lenient.Text  `json:"detailed_description"`
			Genres      lenient.Array `json:"genres"`
		} `json:"data"`
	}
	err := json.Unmarshal(raw, &answer)
	switch {
	case err == nil && !bool(answer.Success):
		return App{}, ErrUnknown
	case err != nil:
		return App{}, fmt.Errorf("%w: the store described the app in an unknown way", webapi.ErrNonsense)
	}
	d := answer.Data
	app := App{
		ID: id, Type: strings.ToLower(lenient.Line(d.Type.S, maxKind)), Name: lenient.Line(d.Name.S, maxName),
		Logo: lenient.Link(d.Image.S), ShortDescription: lenient.Prose(d.Short.S, maxShort),
		Description: lenient.Prose(d.Description.S, maxDescription), Genres: genres(d.Genres),
	}
	if app.Name == "" {
		return App{}, ErrUnknown
	}
	return app, nil
}

// genres reads [{"id":"28","description":"Simulation"}, …] and leaves out
// what it does not understand.
func genres(raws lenient.Array) []Genre {
	if raws == nil {
		return nil
	}
	list := []Genre{}
	for _, raw := range raws[:min(len(raws), maxGenres)] {
		var g struct {
			ID   lenient.Number `json:"id"`
			Name lenient.Text   `json:"description"`
		}
		if json.Unmarshal(raw, &g) != nil || !g.ID.Set || g.ID.N >= 1<<31 {
			continue
		}
		genre := Genre{ID: uint32(g.ID.N), Name: lenient.Line(g.Name.S, maxName)}
		if genre.Name != "" && !slices.ContainsFunc(list, func(x Genre) bool { return x.ID == genre.ID }) {
			list = append(list, genre)
		}
	}
	return list
}
