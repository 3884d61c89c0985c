// Package anomaly tells uploads that are not like demos by the statistics of
// their bytes. Demos are full of zeros and of small numbers that are shifted
// by some bits, because their payload is not aligned to bytes; compressed,
// encrypted and random data are not.
//
// The score is the geometric mean of the smoothed joint probability of each
// pair of neighbouring bytes, the pair of two zeros left out. Demos reach
// about 5e-5, random data 2e-5. A score proves nothing by itself and drops no
// upload; it is a reason to look.
package anomaly

import (
	"math"
	"math/bits"
)

// Thresholds of Suspicious.
const (
	// MinScore is the highest score that is suspicious.
	MinScore = 3e-5
	// MaxZeros is the shortest run of zeros that is suspicious; the header
	// of a demo has runs of up to about 270.
	MaxZeros = 384
)

const (
	smoothing = 1e-5
	scale     = 1 << 32 // of the fixed-point logarithms
	// block is how many pairs are added up before a sum could overflow into
	// the count above it: -log is at most log(1/smoothing) < 11.52, so that
	// 4096 of them stay below 2^48.
	block   = 4096
	logBits = 48
	logMask = 1<<logBits - 1
)

// Model is what is known of the pairs of bytes in demos. It is immutable and
// safe for concurrent use; it takes 512 KiB.
type Model struct {
	// cost holds for each pair, the first byte in the upper half of the
	// index, -log(p+smoothing) in fixed point in the lower 48 bits and 1
	// above them, which counts the pairs. The pair of zeros costs nothing
	// and does not count.
	cost [1 << 16]uint64
}

// FromPairs makes a model from the numbers of times that each pair was seen,
// indexed by the first byte times 256 plus the second. Without any pair it
// returns nil.
func FromPairs(counts *[1 << 16]float64) *Model {
	var total float64
	for i, n := range counts {
		if i != 0 {
			total += n
		}
	}
	if total <= 0 || math.IsInf(total, 0) || math.IsNaN(total) {
		return nil
	}
	m := &Model{}
	for i, n := range counts {
		if i != 0 {
			m.cost[i] = 1<<logBits + uint64(math.Round(-math.Log(n/total+smoothing)*scale))
		}
	}
	return m
}

// FromBytes makes a model from the shares of single bytes, as if each byte
// were independent of its neighbour.
func FromBytes(shares *[256]float64) *Model {
	var pairs [1 << 16]float64
	for a, p := range shares {
		for b, q := range shares {
			pairs[a<<8|b] = p * q
		}
	}
	return FromPairs(&pairs)
}

// State is how a stream scored so far. The zero value is a stream without
// bytes. It is small and can be stored between two connections of one stream.
type State struct {
	// Scored counts the bytes of the messages that had pairs to score.
	Scored int64 `json:"scored"`
	// Score is the mean over them, 0 before the first.
	Score float64 `json:"score"`
	// Zeros is the longest run of zeros, Run the one that the stream ends in.
	Zeros int64 `json:"zeros"`
	Run   int64 `json:"run"`
	// Last is the last byte, -1 plus one so that the zero value has none.
	Last int `json:"last"`
}

// Add takes the next bytes of the stream. Pairs across two calls count. The
// mean is weighted by bytes: where the stream is cut into calls hardly
// matters, but it does matter.
func (s *State) Add(m *Model, d []byte) {
	if len(d) == 0 {
		return
	}
	sum, pairs := m.sum(d)
	if s.Last > 0 {
		if c := m.cost[(s.Last-1)<<8|int(d[0])]; c != 0 {
			sum, pairs = sum+c&logMask, pairs+1
		}
	}
	s.Last = int(d[len(d)-1]) + 1
	s.zeros(d)
	if pairs == 0 {
		return
	}
	score := math.Exp(-float64(sum) / scale / float64(pairs))
	n, k := float64(s.Scored), float64(len(d))
	s.Score = (s.Score*n + score*k) / (n + k)
	s.Scored += int64(len(d))
}

// Suspicious reports whether the stream is unlike a demo, and why in a word:
// "statistics" or "zeros".
func (s *State) Suspicious() (why string, yes bool) {
	switch {
	case s.Zeros >= MaxZeros:
		return "zeros", true
	case s.Scored > 0 && s.Score <= MinScore:
		return "statistics", true
	}
	return "", false
}

// sum adds up the costs of the pairs inside d, and counts them.
func (m *Model) sum(d []byte) (sum, pairs uint64) {
	for len(d) > 1 {
		n := min(len(d)-1, block)
		c := m.block(d[:n+1])
		sum, pairs = sum+c&logMask, pairs+c>>logBits
		d = d[n:]
	}
	return sum, pairs
}

// block is sum for at most block pairs, count above logarithms.
func (m *Model) block(d []byte) uint64 {
	var a, b, c, e uint64
	first := uint16(d[0])
	d = d[1:]
	for len(d) >= 8 {
		w := uint64(d[0]) | uint64(d[1])<<8 | uint64(d[2])<<16 | uint64(d[3])<<24 |
			uint64(d[4])<<32 | uint64(d[5])<<40 | uint64(d[6])<<48 | uint64(d[7])<<56
		w = bits.ReverseBytes64(w)
		a += m.cost[first<<8|uint16(w>>56)]
		b += m.cost[uint16(w>>48)]
		c += m.cost[uint16(w>>40)]
		e += m.cost[uint16(w>>32)]
		a += m.cost[uint16(w>>24)]
		b += m.cost[uint16(w>>16)]
		c += m.cost[uint16(w>>8)]
		e += m.cost[uint16(w)]
		first = uint16(w & 0xFF)
		d = d[8:]
	}
	for _, next := range d {
		a += m.cost[first<<8|uint16(next)]
		first = uint16(next)
	}
	return a + b + c + e
}

// zeros looks for runs longer than the longest so far. Such a run covers one
// of the places that lie as far apart as it is long, so most bytes are not
// looked at.
func (s *State) zeros(d []byte) {
	i := 0
	for i < len(d) && d[i] == 0 {
		i++
	}
	s.Zeros = max(s.Zeros, s.Run+int64(i))
	if i == len(d) {
		s.Run += int64(i)
		return
	}
	for i += int(min(s.Zeros, int64(len(d)))); i < len(d); i += int(s.Zeros) + 1 {
		if d[i] != 0 {
			continue
		}
		from, to := i, i+1
		for d[from-1] == 0 { // ends at the latest at the byte that ended the first run
			from--
		}
		for to < len(d) && d[to] == 0 {
			to++
		}
		s.Zeros = max(s.Zeros, int64(to-from))
		i = to
	}
	end := len(d)
	for d[end-1] == 0 {
		end--
	}
	s.Run = int64(len(d) - end)
	s.Zeros = max(s.Zeros, s.Run)
}
