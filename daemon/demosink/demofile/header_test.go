package demofile

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// demo writes a header by the layout of the Source engine.
func demo(server, player, mapName, dir string, late []byte) []byte {
	d := make([]byte, HeaderSize)
	copy(d, "HL2DEMO\x00")
	binary.LittleEndian.PutUint32(d[0x008:], 3)
	binary.LittleEndian.PutUint32(d[0x00C:], 24)
	copy(d[0x010:], server)
	copy(d[0x114:], player)
	copy(d[0x218:], mapName)
	copy(d[0x31C:], dir)
	copy(d[0x420:], late)
	return d
}

func TestParse(t *testing.T) {
	late, err := hex.DecodeString("7031cf44a7af0100cea70100f5e00400")
	if err != nil {
		t.Fatal(err)
	}
	h, err := Parse(append(demo("169.254.215.11:58480", "Füße", "pl_pier", "tf", late), "commands"...))
	want := Header{
		Format: Source, DemoProtocol: 3, NetworkProtocol: 24, Server: "169.254.215.11:58480", Player: "Füße", Map: "pl_pier",
		GameDir: "tf", Late: Late{Ticks: 110503, Frames: 108494, SignOn: 319733, Seconds: h.Late.Seconds},
	}
	if err != nil || cmp.Diff(want, h) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, h))
	}
	if math.Abs(float64(h.Late.Seconds)-1657.5449) > 1e-3 || math.Abs(float64(h.Late.Ticks)*0.015-float64(h.Late.Seconds)) > 0.01 {
		t.Errorf("%v seconds", h.Late.Seconds)
	}
	if !h.Late.Known() || (Late{}).Known() {
		t.Error("zeros are a length, or a length is not")
	}
}

func TestOtherData(t *testing.T) {
	whole := demo("s", "p", "m", "tf", nil)
	for n := range HeaderSize {
		if _, err := Parse(whole[:n]); !errors.Is(err, ErrShort) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if h, err := Parse([]byte("PBDEMS2\x00\x01\x02")); err != nil || h.Format != Source2 {
		t.Errorf("%+v, %v", h, err)
	}
	for _, data := range []string{strings.Repeat("x", 2000), "HL2DEMO ", "hl2demo\x00" + strings.Repeat("x", 2000), "PK\x03\x04    "} {
		if h, err := Parse([]byte(data)); !errors.Is(err, ErrFormat) || h.Format != Unknown {
			t.Errorf("%.10q: %+v, %v", data, h, err)
		}
	}
}

func TestProblems(t *testing.T) {
	nan := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))
	for want, d := range map[string][]byte{
		"":                                    demo("s:1", "p", "m", "tf", nil),
		"the map does not end":                demo("s:1", "p", strings.Repeat("m", 260), "tf", nil),
		"bytes follow the end of the player":  demo("s:1", "p\x00x", "m", "tf", nil),
		"the player is not UTF-8":             demo("s:1", "p\xff", "m", "tf", nil),
		"the length in seconds is impossible": demo("s:1", "p", "m", "tf", nan),
		"the length in ticks is impossible":   demo("s:1", "p", "m", "tf", []byte{0, 0, 0, 0, 255, 255, 255, 255}),
	} {
		h, err := Parse(d)
		if err != nil || strings.Join(h.Problems, "; ") != want {
			t.Errorf("%q: %q, %v", want, h.Problems, err)
		}
	}
	h, _ := Parse(demo("s", "a\x1b[31m\u202eb", "../../etc", "tf", nil))
	if h.Player != "a[31mb" || h.Map != "../../etc" {
		t.Errorf("%q %q", h.Player, h.Map)
	}
}

func TestMismatch(t *testing.T) {
	h, err := Parse(demo("1.2.3.4:27015", "p", "pl_pier", "tf", nil))
	if err != nil {
		t.Fatal(err)
	}
	if out := h.Mismatch("tf", "1.2.3.4:27015", "PL_Pier"); out != nil {
		t.Errorf("%q", out)
	}
	want := []string{"the game directory in the header is another one", "the map in the header is another one"}
	if out := h.Mismatch("cstrike", "", "cp_dustbowl"); !slices.Equal(out, want) {
		t.Errorf("%q", out)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(demo("s", "p", "m", "tf", []byte{1, 2, 3}))
	f.Add([]byte("PBDEMS2\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := Parse(data)
		if err == nil && h.Format == Unknown {
			t.Fatal("no format and no error")
		}
		for _, s := range []string{h.Server, h.Player, h.Map, h.GameDir} {
			if strings.ContainsAny(s, "\x00\n\x1b") || len(s) > 3*stringSize {
				t.Fatalf("%q", s)
			}
		}
	})
}
