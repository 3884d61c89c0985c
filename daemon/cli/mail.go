package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/mail"
)

// MailCmd groups the commands about mails.
type MailCmd struct {
	Test MailTestCmd `cmd:"" help:"Send a test mail now and tell what the server says."`
	List MailListCmd `cmd:"" help:"List mails that wait or were given up, and why."`
}

// MailTestCmd sends a mail.
type MailTestCmd struct {
	To   string `arg:"" help:"Whom to send it to."`
	Lang string `default:"en" enum:"en,ru" help:"Language: en or ru."`
}

// Run sends it past the queue.
func (c MailTestCmd) Run(s *session) error {
	return s.withState(func(state *daemon.State) error {
		where, err := state.Mail.Try(s.ctx, c.To, c.Lang)
		if err != nil {
			return err
		}
		result := struct {
			To    string `json:"to"`
			Where string `json:"where"`
		}{c.To, where}
		return s.print(result, func() { s.printf("%s took the mail", where) })
	})
}

// MailListCmd lists mails.
type MailListCmd struct {
	Failed bool `help:"Only those that were given up."`
}

// Run prints a line for each; never what a mail says.
func (c MailListCmd) Run(s *session) error {
	return s.withState(func(state *daemon.State) error {
		all, err := everyPage(func(cursor string) ([]mail.Entry, string, error) {
			some, next, _, err := state.Mail.List(s.ctx, c.Failed, cursor, pageSize)
			return some, next, err
		})
		if err != nil {
			return err
		}
		return s.print(all, func() {
			if len(all) == 0 {
				s.printf("no mails")
				return
			}
			w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tTO\tCREATED\tTRIES\tNEXT TRY\tGIVEN UP\tREASON")
			for _, m := range all {
				fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\t%s\n", m.ID, printable(m.To), dateText(m.CreatedAt), m.Attempts,
					dateText(m.NextTry), dateText(m.FailedAt), printable(orDash(m.Reason)))
			}
			w.Flush()
		})
	})
}
