package clans

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Bounds of a clan's icon.
const (
	maxIconSide  = 64                                                                                                 // pixels
	MaxIconBytes = 64 << 10                                                                                           // of the PNG file
	maxIconText  = 128 << 10                                                                                          // of its base64 with white space
	DefaultIcon  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAADklEQVR4nGJqAAQAAP//AIYAg0yeIEsAAAAASUVORK5CYII=" // one grey pixel
)

// The errors of an icon have the texts of the original wire.
func iconInvalid() error   { return fault.New(fault.Invalid, "Image could not be validated") }
func iconNotPNG() error    { return fault.New(fault.Invalid, "Image should be in PNG format") }
func iconTooLarge() error  { return fault.New(fault.Invalid, "Image is too large") }
func iconNotSquare() error { return fault.New(fault.Invalid, "Image should be square") }

// CheckIcon checks an icon as clients send it: the base64 (RFC 4648 §4) of a
// square PNG image of at most 64 by 64 pixels and 64 KiB. White space between
// the characters is allowed. fault.Invalid.
func CheckIcon(text string) error {
	if len(text) > maxIconText {
		return iconTooLarge()
	}
	b, err := base64.StdEncoding.DecodeString(withoutSpace(text))
	if err != nil {
		return iconInvalid()
	}
	return checkPNG(b)
}

func withoutSpace(text string) string {
	if !strings.ContainsAny(text, " \t\r\n\v\f") {
		return text
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\v\f", r) {
			return -1
		}
		return r
	}, text)
}

// EncodeIcon checks the bytes of a PNG image and returns them as the text
// that is stored. fault.Invalid.
func EncodeIcon(image []byte) (string, error) {
	if err := checkPNG(image); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(image), nil
}

// DecodeIcon returns the bytes of a stored icon. It is lenient, for icons
// that an earlier server accepted: characters outside the alphabet are
// skipped and what follows the padding is ignored. Without complete padding
// the rest of fewer than four characters is ignored too.
func DecodeIcon(text string) []byte {
	clean := make([]byte, 0, len(text))
	for i := range len(text) {
		c := text[i]
		if c == '=' && len(clean)%4 >= 2 {
			break
		}
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(out, clean)
	if err != nil { // cannot be: only characters of the alphabet are left
		return nil
	}
	return out[:n]
}

// pngHead is the signature and the beginning of the first chunk, IHDR, whose
// length is 13 (PNG, third edition, §5.2 and §11.2.1).
const pngHead = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

// checkPNG reads the dimensions before it decodes anything, so that an image
// of a few bytes cannot ask for gigabytes of memory.
func checkPNG(b []byte) error {
	if !bytes.HasPrefix(b, []byte(pngHead[:8])) {
		if otherImage(b) {
			return iconNotPNG()
		}
		return iconInvalid()
	}
	const end = len(pngHead) + 13 + 4 // of IHDR and its checksum
	if len(b) < end || !bytes.HasPrefix(b, []byte(pngHead)) ||
		crc32.ChecksumIEEE(b[12:end-4]) != binary.BigEndian.Uint32(b[end-4:]) {
		return iconInvalid()
	}
	width, height := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	switch {
	case width == 0 || height == 0:
		return iconInvalid()
	case width > maxIconSide || height > maxIconSide || len(b) > MaxIconBytes:
		return iconTooLarge()
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		return iconInvalid()
	}
	if width != height {
		return iconNotSquare()
	}
	return nil
}

// otherImage reports whether the bytes begin an image of another format.
func otherImage(b []byte) bool {
	if _, err := gif.DecodeConfig(bytes.NewReader(b)); err == nil {
		return true
	}
	if _, err := jpeg.DecodeConfig(bytes.NewReader(b)); err == nil {
		return true
	}
	has := func(prefix string, least int) bool {
		return len(b) >= least && strings.HasPrefix(string(b[:min(len(b), 12)]), prefix)
	}
	switch {
	case has("BM", 26): // BITMAPFILEHEADER: the size of the header that follows
		size := binary.LittleEndian.Uint32(b[14:])
		return size >= 12 && size <= 124
	case has("RIFF", 30):
		return string(b[8:12]) == "WEBP"
	}
	return has("II*\x00", 14) || has("MM\x00*", 14) // TIFF
}
