package clans

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// paletted is a picture of one bit per pixel, as the clients' own icon is.
func paletted(t testing.TB, side int) []byte {
	return encodePNG(t, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.Black, color.White}))
}

// noise is a picture that does not compress.
func noise(t testing.TB, width, height int) []byte {
	m, r := image.NewRGBA(image.Rect(0, 0, width, height)), rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32()) | 0x0f
	}
	return encodePNG(t, m)
}

// resized writes other dimensions into a PNG file, with the right checksum.
func resized(b []byte, width, height uint32) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// chunk makes a PNG chunk.
func chunk(name string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// padded puts chunks without meaning behind the header.
func padded(b []byte, n int) []byte {
	return bytes.Join([][]byte{b[:33], chunk("teSt", make([]byte, n)), b[33:]}, nil)
}

// spoiled has another byte at a place.
func spoiled(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[(at+len(b))%len(b)] ^= 0x55
	return b
}

func other(t testing.TB, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCheckIcon(t *testing.T) {
	good := paletted(t, 64)
	gray16 := encodePNG(t, image.NewGray16(image.Rect(0, 0, 8, 8)))
	gifFile := other(t, func(b *bytes.Buffer, m image.Image) error { return gif.Encode(b, m, nil) })
	jpegFile := other(t, func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) })
	bmp := append([]byte("BM\x5a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), make([]byte, 72)...)
	const invalid, format, large, square = "Image could not be validated", "Image should be in PNG format", "Image is too large", "Image should be square"
	for name, c := range map[string]struct {
		image []byte
		want  string
	}{
		"64x64 palette": {good, ""}, "1x1": {paletted(t, 1), ""}, "64x64 colours": {noise(t, 64, 64), ""}, "grey, 16 bit": {gray16, ""},
		"with 40 KB of padding": {padded(good, 40<<10), ""}, "bytes behind the end": {append(bytes.Clone(good), "hi"...), ""},

		"nothing": {nil, invalid}, "text": {[]byte("hello"), invalid}, "only the signature": {good[:8], invalid}, "only the header": {good[:33], invalid},
		"truncated": {good[:len(good)-20], invalid}, "a CRC of the header": {spoiled(good, 30), invalid}, "a CRC of the data": {spoiled(good, -14), invalid},
		"another first chunk": {spoiled(good, 12), invalid}, "no width": {resized(good, 0, 64), invalid}, "truncated and not square": {resized(good, 10, 20)[:50], invalid},
		"GIF": {gifFile, format}, "JPEG": {jpegFile, format}, "BMP": {bmp, format}, "truncated GIF": {gifFile[:8], invalid}, "BM and nothing": {[]byte("BM"), invalid},
		"WEBP":    {append([]byte("RIFF\x20\x00\x00\x00WEBPVP8 "), make([]byte, 20)...), format},
		"128x128": {paletted(t, 128), large}, "65x64": {noise(t, 65, 64), large}, "64x65": {noise(t, 64, 65), large},
		"a bomb of 100000x100000": {resized(good, 100000, 100000), large}, "a bomb of 2^31-1": {resized(good, 1<<31-1, 1<<31-1), large},
		"a side of 2^32-1": {resized(good, 1<<32-1, 1), large}, "64 KiB of padding": {padded(good, 64<<10), large}, "big and not square": {noise(t, 100, 50), large},
		"63x64": {noise(t, 63, 64), square}, "64x1": {noise(t, 64, 1), square},
	} {
		text := base64.StdEncoding.EncodeToString(c.image)
		err := CheckIcon(text)
		if c.want == "" && err != nil || c.want != "" && (!fault.Is(err, fault.Invalid) || fault.Public(err) != c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err == nil && !bytes.Equal(DecodeIcon(text), c.image) {
			t.Errorf("%s: its bytes are not those that were sent", name)
		}
	}
	if len(good) > 130 {
		t.Errorf("the icon of the clients' kind has %d bytes", len(good))
	}
	if err := CheckIcon(DefaultIcon); err != nil {
		t.Errorf("the default icon: %v", err)
	}
}

func TestIconText(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString(paletted(t, 64))
	lines := ""
	for i := 0; i < len(b64); i += 20 {
		lines += b64[i:min(i+20, len(b64))] + "\r\n\t "
	}
	for name, c := range map[string]struct{ text, want string }{
		"as it is": {b64, ""}, "lines": {lines, ""}, "with hi behind it": {b64 + "hi", "Image could not be validated"},
		"another alphabet":    {strings.NewReplacer("+", "-", "/", "_").Replace(b64) + "-_==", "Image could not be validated"},
		"a character between": {b64[:8] + "!" + b64[8:], "Image could not be validated"}, "letters beyond ASCII": {"é" + b64, "Image could not be validated"},
		"without padding": {strings.TrimRight(b64, "=") + "A", "Image could not be validated"}, "empty": {"", "Image could not be validated"},
		"very long": {b64 + strings.Repeat(" ", 200<<10), "Image is too large"},
	} {
		err := CheckIcon(c.text)
		if c.want == "" && err != nil || c.want != "" && (err == nil || fault.Public(err) != c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	want := paletted(t, 64)
	for len(want)%3 != 2 { // so that its text ends in one "="
		want = append(want, 0)
	}
	b64 = base64.StdEncoding.EncodeToString(want)
	for _, stored := range []string{b64, b64[:9] + "\n" + b64[9:], "!" + b64 + "=trailing", strings.TrimRight(b64, "=")} {
		if !bytes.Equal(DecodeIcon(stored), want) {
			t.Errorf("%.30q… is not read as it was accepted", stored)
		}
	}
}

func FuzzCheckIcon(f *testing.F) {
	good := paletted(f, 64)
	for _, seed := range [][]byte{good, paletted(f, 128), good[:40], spoiled(good, 30), resized(good, 100000, 100000), []byte("GIF89a"), []byte("BM")} {
		f.Add(seed, base64.StdEncoding.EncodeToString(seed))
	}
	f.Fuzz(func(t *testing.T, image []byte, text string) {
		if err := CheckIcon(text); err == nil {
			if err := checkPNG(DecodeIcon(text)); err != nil {
				t.Fatalf("accepted %q, whose bytes are refused: %v", text, err)
			}
		}
		stored, err := EncodeIcon(image)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if err := CheckIcon(stored); err != nil || !bytes.Equal(DecodeIcon(stored), image) {
			t.Fatalf("%d bytes of an image do not come back: %v", len(image), err)
		}
	})
}
