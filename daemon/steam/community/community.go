// Package community reads the page of a Workshop item on Steam's community
// site: what the item needs and its further pictures, which the Web API tells
// only to those with a key. The page is made for people and changes without
// notice, so that every answer says whether the page was understood at all.
package community

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/quartermasterd/quartermaster/daemon/steam/lenient"
	"github.com/quartermasterd/quartermaster/daemon/steam/paced"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	// DefaultBaseURL is Valve's own community site.
	DefaultBaseURL = "https://steamcommunity.com"
	// Spacing is the time between two pages.
	Spacing = 2 * time.Second
	maxBody = 4 << 20 // a page with many comments is below 1 MiB

	maxRequired    = 1000
	maxScreenshots = 64
)

var (
	// ErrNotFound is returned when the site says that there is no such item,
	// or shows it only to visitors who tell their age.
	ErrNotFound = errors.New("no page of the item on Steam's community site")
	// ErrUnreadable is returned for a page that is not understood. It is a
	// webapi.ErrNonsense.
	ErrUnreadable = fmt.Errorf("the page of the item is not understood: %w", webapi.ErrNonsense)
)

// Page is what the page of an item says.
type Page struct {
	// Required are the items that this one needs, in the order of the page;
	// empty, and not nil, when it needs none.
	Required []uint64
	// Screenshots are the addresses of its pictures; empty, and not nil, when
	// there are none.
	Screenshots []string
}

// Options configures a Client. The zero value is usable.
type Options struct {
	BaseURL   string // empty means DefaultBaseURL
	HTTP      *http.Client
	Now       func() time.Time
	UserAgent string        // empty means "quartermaster"
	Spacing   time.Duration // between two pages; 0 means Spacing, less than 0 none
}

// Client reads pages. It is safe for concurrent use; calls wait for their
// turn.
type Client struct{ paced *paced.Client }

// New returns a Client. It makes no call.
func New(o Options) *Client {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.UserAgent == "" {
		o.UserAgent = "quartermaster"
	}
	if o.Spacing == 0 {
		o.Spacing = Spacing
	}
	return &Client{paced.New(paced.Options{
		BaseURL: o.BaseURL, Spacing: o.Spacing, MaxBody: maxBody, Accept: "text/html",
		UserAgent: o.UserAgent, HTTP: o.HTTP, Now: o.Now,
	})}
}

// State returns how the last calls went.
func (c *Client) State() paced.State { return c.paced.State() }

// Page reads the page of one item. Errors are ErrNotFound, ErrUnreadable and
// those of paced.Client.Get; after any but ErrNotFound nothing was learnt.
func (c *Client) Page(ctx context.Context, id uint64) (Page, error) {
	query := url.Values{"id": {strconv.FormatUint(id, 10)}, "l": {"english"}}
	var page Page
	err := c.paced.Get(ctx, "/sharedfiles/filedetails/", query, func(body []byte) (err error) {
		page, err = parse(body, id)
		return err
	})
	if s, ok := errors.AsType[*webapi.StatusError](err); ok && s.Status == http.StatusNotFound {
		return Page{}, ErrNotFound
	}
	if err != nil {
		return Page{}, err
	}
	return page, nil
}

// parse reads the page of the item id.
func parse(body []byte, id uint64) (Page, error) {
	p := parser{item: id, page: Page{Required: []uint64{}, Screenshots: []string{}}}
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return Page{}, ErrUnreadable
			}
			return p.result()
		case html.StartTagToken:
			p.start(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			p.end(string(name))
		case html.TextToken:
			p.text(z.Text())
		}
	}
}

// parser gathers what is of interest while the page goes by.
type parser struct {
	item     uint64
	page     Page
	isItem   bool // the title of an item was seen
	isError  bool // the site's words for "no such item", or its question for our age
	required area
	picture  area
}

// area is an element whose content is of interest: the name of its tag and
// how deep we are in tags of that name; 0 is outside.
type area struct {
	tag   string
	depth int
}

func (a *area) enter(tag string) {
	if a.depth == 0 {
		a.tag = tag
		a.depth = 1
	}
}

func (a *area) start(tag string) {
	if a.depth > 0 && tag == a.tag {
		a.depth++
	}
}

func (a *area) end(tag string) {
	if a.depth > 0 && tag == a.tag {
		a.depth--
	}
}

func (p *parser) start(t html.Token) {
	p.required.start(t.Data)
	p.picture.start(t.Data)
	var classes []string
	var id string
	for _, a := range t.Attr {
		switch a.Key {
		case "class":
			classes = strings.Fields(a.Val)
		case "id":
			id = a.Val
		}
	}
	has := func(class string) bool { return slices.Contains(classes, class) }
	switch {
	case has("workshopItemTitle"):
		p.isItem = true
	case has("adult_content_age_gate"):
		p.isError = true
	case id == "RequiredItems" || has("requiredItemsContainer"):
		p.required.enter(t.Data)
	case has("screenshot_holder"):
		p.picture.enter(t.Data)
	}
	if t.Data != "a" {
		return
	}
	if p.required.depth > 0 {
		p.need(t.Attr)
	}
	if p.picture.depth > 0 {
		p.show(t.Attr)
	}
}

func (p *parser) end(tag string) {
	p.required.end(tag)
	p.picture.end(tag)
}

// sayings are how the site says that it has no such item, with status 200.
var sayings = [][]byte{[]byte("There was a problem accessing the item"), []byte("That item does not exist")}

func (p *parser) text(b []byte) {
	for _, s := range sayings {
		p.isError = p.isError || bytes.Contains(b, s)
	}
}

// maxAttr bounds what is read of a link.
const maxAttr = 4096

// need notes the item that a link in the list of required items leads to.
func (p *parser) need(attrs []html.Attribute) {
	for _, a := range attrs {
		if a.Key != "href" || len(a.Val) > maxAttr {
			continue
		}
		// The id stands at the end.
		link := strings.TrimSuffix(strings.TrimSpace(a.Val), "/")
		digits := link[len(strings.TrimRight(link, "0123456789")):]
		id, err := strconv.ParseUint(digits, 10, 64)
		if err == nil && id != 0 && id != p.item && len(p.page.Required) < maxRequired && !slices.Contains(p.page.Required, id) {
			p.page.Required = append(p.page.Required, id)
		}
	}
}

// quoted matches the first address in a script of a link.
var quoted = regexp.MustCompile(`["'](https?://[^"'\s]+)["']`)

// show notes the picture that a link opens.
func (p *parser) show(attrs []html.Attribute) {
	for _, a := range attrs {
		if len(a.Val) > maxAttr {
			continue
		}
		m := quoted.FindStringSubmatch(a.Val)
		if m == nil {
			continue
		}
		u := lenient.Link(m[1])
		if u != "" && len(p.page.Screenshots) < maxScreenshots && !slices.Contains(p.page.Screenshots, u) {
			p.page.Screenshots = append(p.page.Screenshots, u)
		}
		return
	}
}

// result judges the page as a whole.
func (p *parser) result() (Page, error) {
	switch {
	case p.isItem && p.required.depth == 0 && p.picture.depth == 0:
		return p.page, nil
	case !p.isItem && p.isError:
		return Page{}, ErrNotFound
	}
	return Page{}, ErrUnreadable // another page, or one that breaks off
}
