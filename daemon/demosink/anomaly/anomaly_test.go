package anomaly

import (
	"bytes"
	"compress/flate"
	"math"
	"math/rand/v2"
	"testing"
)

// reference is the score as it is defined: the matrix of pairs, both
// distributions normalised without the pair of zeros, and their cross entropy.
func reference(prior *[1 << 16]float64, d []byte) (float64, bool) {
	var counts [1 << 16]float64
	var n, total float64
	for i := 1; i < len(d); i++ {
		counts[int(d[i-1])<<8|int(d[i])]++
	}
	counts[0] = 0
	for i := range counts {
		n += counts[i]
		if i != 0 {
			total += prior[i]
		}
	}
	if n == 0 {
		return 0, false
	}
	var sum float64
	for i := range counts {
		if i != 0 {
			sum += counts[i] / n * math.Log(prior[i]/total+1e-5)
		}
	}
	return math.Exp(sum), true
}

func longestRun(d []byte) (longest int64) {
	var run int64
	for _, b := range d {
		run++
		if b != 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// bytesLike draws bytes of which a share is zero.
func bytesLike(r *rand.Rand, n int, zeros float64) []byte {
	d := make([]byte, n)
	for i := range d {
		if r.Float64() >= zeros {
			d[i] = byte(r.Uint32())
		}
	}
	return d
}

func randomPrior(r *rand.Rand) *[1 << 16]float64 {
	var p [1 << 16]float64
	for i := range p {
		p[i] = 2100 + r.ExpFloat64()*10_000
	}
	p[0] = 152_814_303
	return &p
}

func TestScoreEqualsItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	prior := randomPrior(r)
	m := FromPairs(prior)
	for _, n := range []int{2, 3, 9, 17, 1000, 4096, 4097, 4098, 16 << 10, 100_003} {
		for _, zeros := range []float64{0, 0.2, 0.9} {
			d := bytesLike(r, n, zeros)
			want, ok := reference(prior, d)
			var s State
			s.Add(m, d)
			if !ok {
				if s.Score != 0 || s.Scored != 0 {
					t.Errorf("%d bytes without pairs scored %v", n, s.Score)
				}
				continue
			}
			if math.Abs(s.Score-want) > 1e-9*want || s.Scored != int64(n) {
				t.Errorf("%d bytes, %v zeros: %v, want %v", n, zeros, s.Score, want)
			}
			if s.Zeros != longestRun(d) {
				t.Errorf("%d bytes, %v zeros: a run of %d, want %d", n, zeros, s.Zeros, longestRun(d))
			}
		}
	}
}

// Messages are weighted by their length, and the pair between two counts for
// the second.
func TestMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	prior := randomPrior(r)
	m := FromPairs(prior)
	var s State
	var sum, n float64
	var stream []byte
	for range 200 {
		d := bytesLike(r, r.IntN(5000), 0.3)
		if r.IntN(4) == 0 {
			d = make([]byte, r.IntN(300))
		}
		joined := d
		if len(stream) > 0 && len(d) > 0 {
			joined = append(stream[len(stream)-1:len(stream):len(stream)], d...)
		}
		if l, ok := reference(prior, joined); ok {
			sum += l * float64(len(d))
			n += float64(len(d))
		}
		stream = append(stream, d...)
		s.Add(m, d)
		if s.Zeros != longestRun(stream) {
			t.Fatalf("after %d bytes the longest run is %d, want %d", len(stream), s.Zeros, longestRun(stream))
		}
	}
	if want := sum / n; math.Abs(s.Score-want) > 1e-9*want {
		t.Errorf("%v, want %v", s.Score, want)
	}
}

func TestNothingToScore(t *testing.T) {
	var s State
	for _, d := range [][]byte{nil, {}, {0}, {0, 0, 0}} {
		s.Add(Demos(), d)
	}
	if s.Score != 0 || s.Scored != 0 || s.Zeros != 4 || math.IsNaN(s.Score) {
		t.Errorf("%+v", s)
	}
	if _, yes := s.Suspicious(); yes {
		t.Error("four zeros are suspicious")
	}
	if FromPairs(&[1 << 16]float64{}) != nil {
		t.Error("a model of nothing")
	}
}

func TestSuspicious(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, 9)
	_, _ = w.Write(bytesLike(r, 1<<20, 0.5))
	_ = w.Close()
	header := append([]byte("HL2DEMO\x00"), make([]byte, 270)...)
	for name, c := range map[string]struct {
		d   []byte
		why string
	}{
		"random":        {noise, "statistics"},
		"compressed":    {packed.Bytes(), "statistics"},
		"demo-like":     {demoLike(r, 1<<20), ""},
		"a header":      {header, ""},
		"384 zeros":     {append(demoLike(r, 4096), make([]byte, 384)...), "zeros"},
		"an empty file": {nil, ""},
	} {
		var s State
		s.Add(Demos(), c.d)
		if why, yes := s.Suspicious(); why != c.why || yes != (c.why != "") {
			t.Errorf("%s: %q, score %v, zeros %d", name, why, s.Score, s.Zeros)
		}
	}
}

// demoLike packs small numbers without aligning them to bytes, as the entity
// updates of a demo are.
func demoLike(r *rand.Rand, n int) []byte {
	d := make([]byte, n)
	for bit := 0; bit+16 < n*8; bit += 5 + r.IntN(14) {
		v := uint32(r.ExpFloat64() * 4)
		for k := range 6 {
			if v>>k&1 == 1 {
				d[(bit+k)/8] |= 1 << ((bit + k) % 8)
			}
		}
	}
	for i := 300; i < n; i += 300 { // nothing pauses for long
		d[i] |= 1
	}
	return d
}

func BenchmarkAdd(b *testing.B) {
	d := demoLike(rand.New(rand.NewPCG(7, 8)), 16<<10)
	m := Demos()
	b.SetBytes(int64(len(d)))
	var s State
	for b.Loop() {
		s.Add(m, d)
	}
}
