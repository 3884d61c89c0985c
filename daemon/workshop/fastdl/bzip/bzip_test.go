package bzip

import (
	"bytes"
	stdbzip2 "compress/bzip2"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

var limits = Limits{MaxBytes: 64 << 20, Ratio: 1000, RatioFrom: 8 << 20}

func compress(t testing.TB, plain []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	res, err := Compress(context.Background(), &out, bytes.NewReader(plain), level)
	if err != nil {
		t.Fatal(err)
	}
	plainSum, sum := sha256.Sum256(plain), sha256.Sum256(out.Bytes())
	if res.Size != int64(out.Len()) || res.Plain != int64(len(plain)) ||
		!bytes.Equal(res.SHA256, sum[:]) || !bytes.Equal(res.PlainSHA256, plainSum[:]) {
		t.Fatalf("result %+v of %d bytes", res, len(plain))
	}
	if err := Check(context.Background(), bytes.NewReader(out.Bytes()), res); err != nil {
		t.Fatalf("%d bytes, level %d: %v", len(plain), level, err)
	}
	return out.Bytes()
}

// program runs the bzip2 of the system; without one the test is left out,
// loudly.
func program(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("bzip2")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no bzip2 to compare with")
		}
		t.Skip("NOT TESTED: there is no bzip2 to compare with")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bzip2 %v: %v", args, err)
	}
	return out
}

// contents are shapes that the stages of bzip2 are sensitive to: runs,
// periods, few and many symbols, skewed counts.
func contents(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	symbols := 1 + r.IntN(256)
	switch r.IntN(5) {
	case 0:
		for i := range b {
			b[i] = byte(r.IntN(symbols))
		}
	case 1:
		for i := 0; i < len(b); {
			c := byte(r.IntN(symbols))
			for run := 1 + r.IntN(600); run > 0 && i < len(b); run-- {
				b[i] = c
				i++
			}
		}
	case 2:
		period := 1 + r.IntN(1000)
		for i := range b {
			if i < period {
				b[i] = byte(r.IntN(symbols))
			} else {
				b[i] = b[i-period]
			}
		}
	case 3:
		for i := range b {
			b[i] = byte(r.ExpFloat64() * float64(symbols) / 30)
		}
	case 4:
		x, y := 0, 1
		for i := range b {
			b[i] = byte(x % symbols)
			x, y = y, (x+y)%100003
		}
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 13))
	for range 40 {
		plain := contents(r, r.IntN(1<<r.IntN(18)+1))
		packed := compress(t, plain, 1+r.IntN(9))
		got, err := io.ReadAll(stdbzip2.NewReader(bytes.NewReader(packed)))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", len(plain), err)
		}
	}
}

// The reference decoder is what the games have.
func TestProgramReadsOurs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for level, sizes := range map[int][]int{
		1: {0, 1, 4, 255, 259, 260, 99_980, 99_999, 100_000, 100_001, 200_003},
		9: {0, 1, 900_001},
	} {
		for _, size := range sizes {
			plain := contents(r, size)
			if got := program(t, compress(t, plain, level), "-dc"); !bytes.Equal(got, plain) {
				t.Errorf("%d bytes, level %d: bzip2 reads %d other ones", size, level, len(got))
			}
		}
	}
}

func TestWeReadTheProgram(t *testing.T) {
	plain := contents(rand.New(rand.NewPCG(7, 7)), 300_000)
	packed := program(t, plain, "-1c")
	two := append(append([]byte{}, packed...), packed...) // as "cat a.bz2 b.bz2"
	var out bytes.Buffer
	if _, err := Expand(context.Background(), &out, bytes.NewReader(two), limits); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), append(append([]byte{}, plain...), plain...)) {
		t.Error("other content")
	}
}

func TestExpandRefuses(t *testing.T) {
	plain := contents(rand.New(rand.NewPCG(1, 1)), 250_000)
	good := compress(t, plain, 1)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 4
	bomb := bytes.Repeat(compress(t, make([]byte, 1<<20), 9), 32) // streams one behind the other
	tests := []struct {
		name  string
		input []byte
		kind  fault.Kind
	}{
		{"empty", nil, fault.Invalid},
		{"half written", good[:len(good)/2], fault.Invalid},
		{"last byte missing", good[:len(good)-1], fault.Invalid},
		{"a bit flipped", flipped, fault.Invalid},
		{"an error page", []byte("<html>502 Bad Gateway</html>"), fault.Invalid},
		{"a bomb", bomb, fault.TooLarge},
	}
	for _, tt := range tests {
		_, err := Expand(context.Background(), io.Discard, bytes.NewReader(tt.input), limits)
		if !fault.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	_, err := Expand(context.Background(), io.Discard, bytes.NewReader(good), Limits{MaxBytes: int64(len(plain)) - 1})
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("beyond the cap: %v", err)
	}
	if _, err := Expand(context.Background(), io.Discard, bytes.NewReader(good), Limits{MaxBytes: int64(len(plain))}); err != nil {
		t.Errorf("at the cap: %v", err)
	}
}

func TestCheckFindsOtherContent(t *testing.T) {
	var out bytes.Buffer
	res, err := Compress(context.Background(), &out, bytes.NewReader([]byte("one")), 9)
	if err != nil {
		t.Fatal(err)
	}
	res.PlainSHA256 = make([]byte, 32)
	if err := Check(context.Background(), &out, res); err == nil {
		t.Error("other content passed")
	}
}

type brokenDisk struct{}

func (brokenDisk) Read([]byte) (int, error)  { return 0, os.ErrPermission }
func (brokenDisk) Write([]byte) (int, error) { return 0, os.ErrPermission }

func TestFailuresComeThrough(t *testing.T) {
	ctx := context.Background()
	if _, err := Compress(ctx, io.Discard, brokenDisk{}, 9); !errors.Is(err, os.ErrPermission) {
		t.Errorf("reading: %v", err)
	}
	if _, err := Compress(ctx, brokenDisk{}, bytes.NewReader(make([]byte, 10)), 9); err == nil {
		t.Error("writing: no error")
	}
	if _, err := Expand(ctx, io.Discard, brokenDisk{}, limits); !errors.Is(err, os.ErrPermission) || fault.Is(err, fault.Invalid) {
		t.Errorf("expanding: %v", err)
	}
	if _, err := Compress(ctx, io.Discard, bytes.NewReader(nil), 10); !fault.Is(err, fault.Invalid) {
		t.Errorf("level 10: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Compress(ended, io.Discard, bytes.NewReader(nil), 9); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{}, uint8(1))
	f.Add([]byte("aaaabbbbbbbbbbbbbbbbbccc"), uint8(9))
	f.Add(bytes.Repeat([]byte{0, 1}, 3000), uint8(3))
	f.Fuzz(func(t *testing.T, plain []byte, level uint8) {
		packed := compress(t, plain, 1+int(level)%9)
		got, err := io.ReadAll(stdbzip2.NewReader(bytes.NewReader(packed)))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatal(err)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add([]byte("BZh9\x17rE8P\x90\x00\x00\x00\x00"))
	f.Add(compress(f, []byte("some text, some text"), 9))
	f.Fuzz(func(t *testing.T, packed []byte) {
		small := Limits{MaxBytes: 4 << 20, Ratio: 1000, RatioFrom: 1 << 20}
		res, err := Expand(context.Background(), io.Discard, bytes.NewReader(packed), small)
		if err == nil && res.Size > small.MaxBytes {
			t.Errorf("%d bytes came out", res.Size)
		}
	})
}
