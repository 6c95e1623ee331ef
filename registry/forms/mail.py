"""What reaches a person by mail."""

from django import forms

from registry.models import User


class MailForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["wants_mail", "language"]
