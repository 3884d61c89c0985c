package clans

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// notes collects what was made other than it came.
type notes []string

func (n *notes) add(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

// TakeOver adds a clan of another metaserver under its id, which must be free;
// c.Disbanded is when it was deleted there. Tag, name and icon stay as they
// are, also where they would be refused here: programs compare them. Tag and
// name keep others from taking them only where they are free. What is unusual
// is told of. TakeOverLinks must follow in the same transaction.
func (s *Service) TakeOver(ctx context.Context, tx *db.Tx, c Clan) ([]string, error) {
	var n notes
	c.Icon = takenIcon(c.Icon, &n)
	c.Tag, c.Name = Tag(cut(string(c.Tag), "tag", &n)), cut(c.Name, "name", &n)
	if _, err := ParseTag(string(c.Tag)); err != nil {
		n.add("its tag would be refused here (%v)", err)
	}
	if _, err := ParseName(c.Name); err != nil {
		n.add("its name would be refused here (%v)", err)
	}
	_, err := tx.Exec(ctx, `INSERT INTO metaserver_clan (id, tag, name, icon, name_key, search, founder, members, created_at, updated_at, disbanded_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8, $9)`,
		c.ID, string(c.Tag), c.Name, c.Icon, Fold(c.Name), searchText(c.Tag, c.Name), db.Micros(c.Created), db.Micros(s.now()), db.Micros(c.Disbanded))
	if err != nil || !c.Disbanded.IsZero() {
		return n, err
	}
	for _, h := range []struct{ kind, text string }{{handleTag, c.Tag.Visible()}, {handleName, c.Name}} {
		ok, err := claim(ctx, tx, h.kind, key(h.text), c.ID, 0, s.now())
		if err != nil {
			return n, err
		}
		if !ok {
			n.add("its %s %s looks like another clan's; both stay as they are", h.kind, shown(h.text, maxTaken))
		}
	}
	return n, nil
}

// maxTaken is how long a tag or name may be that is taken over, in bytes: more
// than one that is allowed, and no more than an index takes.
const maxTaken = 4 * MaxName

// cut shortens what is longer.
func cut(text, what string, n *notes) string {
	if len(text) <= maxTaken {
		return text
	}
	n.add("its %s has %d bytes and was cut", what, len(text))
	return strings.ToValidUTF8(text[:maxTaken], "")
}

// takenIcon returns an icon as it is stored: as it came, unless it is no PNG
// image or too large to be sent to everybody.
func takenIcon(text string, n *notes) string {
	image := DecodeIcon(text)
	switch {
	case !bytes.HasPrefix(image, []byte(pngHead[:8])):
		n.add("its icon is no PNG image; it has the default one")
		return DefaultIcon
	case len(text) > maxIconText && len(image) <= MaxIconBytes:
		n.add("its icon was written in %d characters; it was written anew", len(text))
		return base64.StdEncoding.EncodeToString(image)
	case len(image) > MaxIconBytes:
		n.add("its icon is larger than %d KiB; it has the default one", MaxIconBytes>>10)
		return DefaultIcon
	}
	if err := checkPNG(image); err != nil {
		n.add("its icon would be refused here (%v)", err)
	}
	return text
}

// TakeOverLinks adds what accounts had to do with a clan that TakeOver added,
// now or earlier; links that are here already stay as they are. A link to a
// clan that is disbanded is closed. A clan that stands and has no owner is
// handed on as when the last one is deleted, or disbanded. It returns how many
// links were added, and what is unusual.
func (s *Service) TakeOverLinks(ctx context.Context, tx *db.Tx, clan int64, all []Link) (int, []string, error) {
	defer s.changes.Add(1)
	var n notes
	c, err := selectClan(ctx, tx, clan)
	if err != nil {
		return 0, nil, err
	}
	taken := 0
	for _, l := range all {
		l.Clan = clan
		var about notes
		l.fit(c, &about)
		added, err := tx.Exec(ctx, `INSERT INTO metaserver_clan_link (clan_id, account_id, rank, invited_at, joined_at, closed_at, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (clan_id, account_id) DO NOTHING`,
			l.Clan, l.Account, string(l.Rank), db.Micros(l.Invited), db.Micros(l.Joined), db.Micros(l.Closed), string(l.Reason))
		if err != nil {
			return 0, nil, err
		}
		if added > 0 {
			taken++
			n = append(n, about...)
		}
	}
	if taken == 0 && c.Founder != 0 {
		return 0, nil, nil
	}
	if err := countMembers(ctx, tx, clan); err != nil {
		return 0, nil, err
	}
	if c.Founder == 0 {
		if _, err := tx.Exec(ctx, "UPDATE metaserver_clan SET founder = $1 WHERE id = $2", founder(all), clan); err != nil {
			return 0, nil, err
		}
	}
	err = s.ensureOwner(ctx, tx, c, &n)
	return taken, n, err
}

// founder is the owner who joined first, 0 without any.
func founder(all []Link) int64 {
	first := Link{}
	for _, l := range all {
		if l.Rank == Owner && !l.Joined.IsZero() && (first.Account == 0 || l.Joined.Before(first.Joined)) {
			first = l
		}
	}
	return first.Account
}

// ensureOwner keeps the rule that a clan which stands has an owner.
func (s *Service) ensureOwner(ctx context.Context, tx *db.Tx, c Clan, n *notes) error {
	if !c.Disbanded.IsZero() {
		return nil
	}
	_, owners, err := countLinks(ctx, tx, c.ID)
	if err != nil || owners > 0 {
		return err
	}
	a := &action{ctx: ctx, tx: tx, s: s, now: s.now(), Clan: c}
	if err := a.succeed(); err != nil {
		return err
	}
	if c, err = selectClan(ctx, tx, c.ID); err != nil {
		return err
	}
	if !c.Disbanded.IsZero() {
		n.add("nobody was a member; it is disbanded")
		return nil
	}
	heirs, err := selectLinks(ctx, tx, "l.clan_id = $1 AND l.rank = 'owner' AND "+isMember, c.ID)
	if err == nil && len(heirs) > 0 {
		n.add("it had no owner; account #%d is it now", heirs[0].Account)
	}
	return err
}

// fit makes a link one of the states that there are. The original knew more:
// it kicked who was only invited, and gave ranks to who was not a member.
func (l *Link) fit(c Clan, n *notes) {
	if !l.Rank.Valid() {
		n.add("account #%d: the rank %q is none; a plain member", l.Account, shown(string(l.Rank), 20))
		l.Rank = Member
	}
	if l.Invited.IsZero() {
		l.Invited = c.Created
		if !l.Joined.IsZero() {
			l.Invited = l.Joined
		}
	}
	if l.Closed.IsZero() {
		l.Reason = ""
		if l.Joined.IsZero() && l.Rank != Member {
			n.add("account #%d: invited as %s; invited as a plain member", l.Account, l.Rank)
			l.Rank = Member
		}
		l.endWith(c)
		return
	}
	was, joined := l.Reason, !l.Joined.IsZero()
	switch {
	case joined && (was == Kicked || was == Retracted):
		l.Reason = Kicked
	case joined:
		l.Reason = Left
	case was == Declined || was == Left:
		l.Reason = Declined
	default:
		l.Reason = Retracted
	}
	if was != l.Reason {
		n.add("account #%d: %s; %s", l.Account, oddState(was, joined), l.Reason)
	}
}

// endWith closes an open link to a clan that is disbanded.
func (l *Link) endWith(c Clan) {
	if c.Disbanded.IsZero() {
		return
	}
	l.Closed, l.Reason = later(c.Disbanded, l.Invited, l.Joined), Retracted
	if !l.Joined.IsZero() {
		l.Reason = Left
	}
}

func later(first time.Time, others ...time.Time) time.Time {
	return slices.MaxFunc(append(others, first), time.Time.Compare)
}

func oddState(was Closing, joined bool) string {
	words := []string{shown(string(was), 20)}
	if words[0] == "" {
		words[0] = "closed for no reason"
	}
	if joined {
		words = append(words, "after joining")
	} else {
		words = append(words, "without having joined")
	}
	return strings.Join(words, " ")
}

// TakeOverSkin adds a skin of another metaserver under its id, which must be
// free. ok is false when a text of it is too long.
func (s *Service) TakeOverSkin(ctx context.Context, tx *db.Tx, k Skin) (ok bool, err error) {
	for _, text := range []string{k.Description, k.Kind, k.Unit, k.ModelPath} {
		if len(text) > maxSkinText {
			return false, nil
		}
	}
	var description *string
	if k.Description != "" {
		description = &k.Description
	}
	_, err = tx.Exec(ctx, "INSERT INTO metaserver_skin (id, description, kind, unit, model_path, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
		k.ID, description, k.Kind, k.Unit, k.ModelPath, db.Micros(s.now()))
	return err == nil, err
}

// TakeOverGrant gives a skin to an account, or to a clan when account is 0. It
// reports whether that is new.
func (s *Service) TakeOverGrant(ctx context.Context, tx *db.Tx, skin, account, clan int64) (bool, error) {
	table, column, to := "metaserver_skin_player", "account_id", account
	if account == 0 {
		table, column, to = "metaserver_skin_clan", "clan_id", clan
	}
	n, err := tx.Exec(ctx, "INSERT INTO "+table+" (skin_id, "+column+", granted_at) VALUES ($1, $2, $3) ON CONFLICT ("+column+", skin_id) DO NOTHING",
		skin, to, db.Micros(s.now()))
	return n > 0, err
}
