package savage

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"time"
)

// Lengths that longer texts are cut to, in characters.
const (
	maxText = 4096
	maxIcon = 4 << 20
)

// User is a row of user. Zero times are NULL.
type User struct {
	ID                                     int64
	Email, Name                            string
	Key, Salt                              string // of the password
	Created, Verified, Deleted, LastOnline time.Time
	DeletedReason                          string
	Notes                                  []string // what could not be read
}

// Clan is a row of clan.
type Clan struct {
	ID               int64
	Tag, Name, Icon  string // the icon is base64
	Created, Deleted time.Time
	Notes            []string
}

// Link is a row of userclanlink.
type Link struct {
	Clan, User               int64
	Rank                     string
	Invited, Joined, Deleted time.Time
	DeletedReason            string
	Notes                    []string
}

// Server is a row of server.
type Server struct {
	ID                                     int64
	Key, Salt                              string // of the password
	Host, Name, Description, GameType, Map string
	Port, Players, MaxPlayers              int64
	Created, Updated, Deleted              time.Time
	DeletedReason                          string
	Owner                                  int64 // user; 0: none
	Notes                                  []string
}

// Stats is a row of userstats. The rating has a fraction, and is NaN when it is
// no number.
type Stats struct {
	User, Server                                     int64
	FirstSeen, LastSeen                              time.Time
	PlayedField, PlayedCommand, WonField, WonCommand int64
	Rating                                           float64
	Notes                                            []string
}

// Skin is a row of skin.
type Skin struct {
	ID                                 int64
	Description, Kind, Unit, ModelPath string // the description is "" for NULL
}

// Mark tells rows with the same id of several databases apart: it never
// changes.
func (u User) Mark() int64 { return u.Created.UnixMicro() }

// Mark is as that of User.
func (c Clan) Mark() int64 { return c.Created.UnixMicro() }

// Mark is as that of User.
func (s Server) Mark() int64 { return s.Created.UnixMicro() }

// Mark is as that of User, but for its texts.
func (k Skin) Mark() int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q", k.Kind, k.Unit, k.ModelPath) // a hash does not fail
	return int64(h.Sum64())
}

// Grant is a row of userskinlink or clanskinlink; the other of User and Clan is
// 0.
type Grant struct{ Skin, User, Clan int64 }

// String names the grant for people.
func (g Grant) String() string {
	if g.Clan != 0 {
		return fmt.Sprintf("skin %d of clan %d", g.Skin, g.Clan)
	}
	return fmt.Sprintf("skin %d of user %d", g.Skin, g.User)
}

// text is the SQL for a column as text.
func text(column string, most int) string {
	return fmt.Sprintf("substr(COALESCE(CAST(%s AS TEXT), ''), 1, %d)", column, most)
}

// number is the SQL for a column as a whole number.
func number(column string) string { return "COALESCE(CAST(" + column + " AS INTEGER), 0)" }

// columns writes a list of columns: those with a "#" are numbers.
func columns(names string) string {
	all := strings.Fields(names)
	for i, name := range all {
		if n, ok := strings.CutPrefix(name, "#"); ok {
			all[i] = number(n)
		} else {
			all[i] = text(name, maxText)
		}
	}
	return strings.Join(all, ", ")
}

// clean takes from texts what no text of ours may hold.
func clean(texts ...*string) {
	for _, t := range texts {
		*t = strings.ReplaceAll(strings.ToValidUTF8(*t, "\uFFFD"), "\x00", "")
	}
}

// unreadable is the time of what is set and cannot be read.
var unreadable = time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)

// parseTime reads a DATETIME as SQLAlchemy writes it, in UTC: YYYY-MM-DD
// HH:MM:SS.ffffff. "" is the zero time.
func parseTime(value string) (t time.Time, ok bool) {
	if value == "" {
		return time.Time{}, true
	}
	t, err := time.Parse(time.DateTime, strings.TrimSuffix(strings.Replace(value, "T", " ", 1), "Z")) // a fraction is accepted
	if err != nil || t.Year() < 1970 || t.Unix() < 1 {
		return unreadable, false
	}
	return t.Truncate(time.Microsecond), true
}

// timeText is a column that is a time.
type timeText struct {
	name string
	to   *time.Time
	text string
}

// timesOf reads times and tells of those that are none.
func timesOf(notes *[]string, all ...*timeText) {
	for _, t := range all {
		var ok bool
		if *t.to, ok = parseTime(t.text); !ok {
			*notes = append(*notes, fmt.Sprintf("its time %s cannot be read; it is %s here", t.name, unreadable.Format(time.DateTime)))
		}
	}
}

// needed makes a time that must be there one.
func needed(t *timeText) *timeText {
	if t.text == "" {
		t.text = "NULL"
	}
	return t
}

// Users calls fn with every user, those with a proved address first, by id.
func (d *Database) Users(ctx context.Context, fn func(User) error) error {
	return d.each(ctx, "SELECT "+columns("#id username display_name key salt created verified_email deleted last_online deleted_reason")+
		` FROM "user" ORDER BY verified_email IS NULL, id`, func(scan func(...any) error) error {
		var u User
		created, verified := timeText{name: "created", to: &u.Created}, timeText{name: "verified_email", to: &u.Verified}
		deleted, online := timeText{name: "deleted", to: &u.Deleted}, timeText{name: "last_online", to: &u.LastOnline}
		if err := scan(&u.ID, &u.Email, &u.Name, &u.Key, &u.Salt, &created.text, &verified.text, &deleted.text, &online.text, &u.DeletedReason); err != nil {
			return err
		}
		clean(&u.Email, &u.Name, &u.DeletedReason)
		timesOf(&u.Notes, needed(&created), &verified, &deleted, &online)
		return fn(u)
	})
}

// Clans calls fn with every clan, by id.
func (d *Database) Clans(ctx context.Context, fn func(Clan) error) error {
	return d.each(ctx, "SELECT "+columns("#id tag name created deleted")+", "+text("icon", maxIcon)+" FROM clan ORDER BY id",
		func(scan func(...any) error) error {
			var c Clan
			created, deleted := timeText{name: "created", to: &c.Created}, timeText{name: "deleted", to: &c.Deleted}
			if err := scan(&c.ID, &c.Tag, &c.Name, &created.text, &deleted.text, &c.Icon); err != nil {
				return err
			}
			clean(&c.Tag, &c.Name, &c.Icon)
			timesOf(&c.Notes, needed(&created), &deleted)
			return fn(c)
		})
}

// Links calls fn with every link, by clan and user.
func (d *Database) Links(ctx context.Context, fn func(Link) error) error {
	return d.each(ctx, "SELECT "+columns("#clan_id #user_id rank invited joined deleted deleted_reason")+" FROM userclanlink ORDER BY clan_id, user_id",
		func(scan func(...any) error) error {
			var l Link
			invited, joined := timeText{name: "invited", to: &l.Invited}, timeText{name: "joined", to: &l.Joined}
			deleted := timeText{name: "deleted", to: &l.Deleted}
			if err := scan(&l.Clan, &l.User, &l.Rank, &invited.text, &joined.text, &deleted.text, &l.DeletedReason); err != nil {
				return err
			}
			clean(&l.Rank, &l.DeletedReason)
			timesOf(&l.Notes, &invited, &joined, &deleted)
			return fn(l)
		})
}

// Servers calls fn with every server, by id.
func (d *Database) Servers(ctx context.Context, fn func(Server) error) error {
	return d.each(ctx, "SELECT "+columns("#id key salt host_name display_name description game_type current_map #port #current_player_count"+
		" #max_player_count created updated deleted deleted_reason #user_id")+" FROM server ORDER BY id", func(scan func(...any) error) error {
		var s Server
		created, updated := timeText{name: "created", to: &s.Created}, timeText{name: "updated", to: &s.Updated}
		deleted := timeText{name: "deleted", to: &s.Deleted}
		if err := scan(&s.ID, &s.Key, &s.Salt, &s.Host, &s.Name, &s.Description, &s.GameType, &s.Map, &s.Port, &s.Players,
			&s.MaxPlayers, &created.text, &updated.text, &deleted.text, &s.DeletedReason, &s.Owner); err != nil {
			return err
		}
		clean(&s.Host, &s.Name, &s.Description, &s.GameType, &s.Map, &s.DeletedReason)
		timesOf(&s.Notes, needed(&created), &updated, &deleted)
		return fn(s)
	})
}

// Statistics calls fn with what every user did, by server and user.
func (d *Database) Statistics(ctx context.Context, fn func(Stats) error) error {
	return d.each(ctx, "SELECT "+columns("#user_id #server_id first_seen last_seen #matches_played_field #matches_played_command"+
		" #matches_won_field #matches_won_command")+", CASE WHEN typeof(skill_rating) IN ('real', 'integer') THEN CAST(skill_rating AS REAL) END"+
		" FROM userstats ORDER BY server_id, user_id", func(scan func(...any) error) error {
		var st Stats
		var rating sql.NullFloat64
		first, last := timeText{name: "first_seen", to: &st.FirstSeen}, timeText{name: "last_seen", to: &st.LastSeen}
		if err := scan(&st.User, &st.Server, &first.text, &last.text, &st.PlayedField, &st.PlayedCommand, &st.WonField, &st.WonCommand, &rating); err != nil {
			return err
		}
		st.Rating = math.NaN()
		if rating.Valid {
			st.Rating = rating.Float64
		}
		timesOf(&st.Notes, needed(&first), needed(&last))
		return fn(st)
	})
}

// Skins calls fn with every skin, by id.
func (d *Database) Skins(ctx context.Context, fn func(Skin) error) error {
	return d.each(ctx, "SELECT "+columns("#id description kind unit model_path")+" FROM skin ORDER BY id", func(scan func(...any) error) error {
		var k Skin
		if err := scan(&k.ID, &k.Description, &k.Kind, &k.Unit, &k.ModelPath); err != nil {
			return err
		}
		clean(&k.Description, &k.Kind, &k.Unit, &k.ModelPath)
		return fn(k)
	})
}

// Grants calls fn with everything that skins were given to.
func (d *Database) Grants(ctx context.Context, fn func(Grant) error) error {
	return d.each(ctx, "SELECT "+columns("#skin_id #user_id")+", 0 FROM userskinlink UNION ALL SELECT "+number("skin_id")+", 0, "+number("clan_id")+
		" FROM clanskinlink", func(scan func(...any) error) error {
		var g Grant
		if err := scan(&g.Skin, &g.User, &g.Clan); err != nil {
			return err
		}
		return fn(g)
	})
}
