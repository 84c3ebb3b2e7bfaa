package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

type ticketCmd struct {
	Open ticketOpenCmd `cmd:"" help:"Open a ticket about an order, or about a failed request."`
	Show ticketShowCmd `cmd:"" help:"Show a ticket, and how its order stands."`
	List ticketListCmd `cmd:"" help:"List the newest tickets."`
}

type ticketOpenCmd struct {
	Order   string `help:"The order's number."`
	Trace   string `placeholder:"ID" help:"The trace_id that came with the problem."`
	Span    string `placeholder:"ID" help:"The span_id that came with it."`
	Subject string `required:"" help:"What it is about. It stays in the CRM."`
	By      string `default:"starter" placeholder:"WHO" help:"Who opens it: an identifier, not a name."`
}

func (c *ticketOpenCmd) Run(e *environment) error {
	t, err := e.crm().OpenTicket(e.ctx, "", api.NewTicket{Order: c.Order, Trace: c.Trace, Span: c.Span, Subject: c.Subject, By: c.By})
	if err != nil {
		return aboutSystem(err, lifecycle.CRM)
	}
	return e.answer(t, func(w io.Writer) { printTicket(w, t) })
}

type ticketShowCmd struct {
	Ticket string `arg:"" help:"The ticket's number."`
}

func (c *ticketShowCmd) Run(e *environment) error {
	t, err := e.crm().Ticket(e.ctx, c.Ticket)
	if err != nil {
		return aboutSystem(err, lifecycle.CRM)
	}
	return e.answer(t, func(w io.Writer) { printTicket(w, t) })
}

type ticketListCmd struct {
	Order string `xor:"about" help:"Only those about this order."`
	Trace string `xor:"about" placeholder:"ID" help:"Only those about the order with this trace."`
	Limit int    `default:"20" help:"How many, at most 500."`
}

func (c *ticketListCmd) Run(e *environment) error {
	found, err := e.crm().Tickets(e.ctx, c.Order, c.Trace, min(max(c.Limit, 1), 500))
	if err != nil {
		return aboutSystem(err, lifecycle.CRM)
	}
	return e.answer(found, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "TICKET\tOPENED\tBY\tORDER\tSUBJECT")
		for _, f := range found {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.ID, f.OpenedAt.Local().Format(time.DateTime), f.By, cmp.Or(f.Order, "-"), f.Subject)
		}
		t.Flush()
	})
}

func (e *environment) crm() *api.Client { return api.NewClient(e.cli.CRMURL).As(apiToken()) }

func printTicket(w io.Writer, t api.Ticket) {
	fmt.Fprintf(w, "ticket    %s\nsubject   %s\nopened    %s by %s\n", t.ID, t.Subject, moment(t.OpenedAt), t.By)
	if t.Status != nil {
		fmt.Fprintf(w, "order     %s: %s\n", t.Order, standing(*t.Status))
	} else {
		fmt.Fprintf(w, "order     %s\n", cmp.Or(t.Order, "none is known"))
	}
	if t.Doubt != "" {
		fmt.Fprintf(w, "doubt     %s\n", t.Doubt)
	}
	fmt.Fprintf(w, "trace     %s\n", cmp.Or(t.Links.Jaeger, t.Trace, "none is known"))
	if t.Links.Temporal != "" {
		fmt.Fprintf(w, "Temporal  %s\n", t.Links.Temporal)
	}
}
