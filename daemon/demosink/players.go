package demosink

import "sync"

// players are those who are doing something, by account. What concerns one
// player's sessions happens under his mutex, one thing after the other.
type players struct {
	mu  sync.Mutex
	all map[int64]*player
}

// player is one of them. mu is never held while anything is waited for but
// the disk and the database.
type player struct {
	account int64
	of      *players
	users   int // guarded by of.mu

	mu      sync.Mutex
	live    *stream       // the connection, nil when there is none
	changed chan struct{} // closed at the next change, see notify
}

// enter returns the player locked. leave ends that.
func (ps *players) enter(account int64) *player {
	ps.mu.Lock()
	p := ps.all[account]
	if p == nil {
		p = &player{account: account, of: ps, changed: make(chan struct{})}
		ps.all[account] = p
	}
	p.users++
	ps.mu.Unlock()
	p.mu.Lock()
	return p
}

// leave unlocks the player and forgets who has nothing to do any more.
func (p *player) leave() {
	p.mu.Unlock()
	p.of.release(p)
}

// release forgets a player whom nobody uses.
func (ps *players) release(p *player) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(ps.all, p.account)
	}
}

// hold keeps the player in memory beyond leave; release is called later.
func (ps *players) hold(p *player) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.users++
}

// notify wakes those who wait for a change. The caller holds the mutex.
func (p *player) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// snapshot returns those who are in memory now.
func (ps *players) snapshot() []*player {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	all := make([]*player, 0, len(ps.all))
	for _, p := range ps.all {
		all = append(all, p)
	}
	return all
}
